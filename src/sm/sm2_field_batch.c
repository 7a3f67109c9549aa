#include "sm/sm2_field.h"

static const struct fe zero;

void fe_inv_batch(struct fe *a, struct fe *work, size_t n)
{
	struct fe product = fe_one, inverse, own;
	size_t i;

	for (i = 0; i < n; i++) {
		work[i] = product;
		own = a[i];
		fe_select(&own, &fe_one, fe_mask_zero(&a[i]));
		fe_mul(&product, &product, &own);
	}
	fe_inv(&inverse, &product);
	for (i = n; i-- > 0;) {
		uint64_t empty = fe_mask_zero(&a[i]);

		own = a[i];
		fe_select(&own, &fe_one, empty);
		fe_mul(&a[i], &inverse, &work[i]);
		fe_select(&a[i], &zero, empty);
		fe_mul(&inverse, &inverse, &own);
	}
}

#ifndef YD_SM_SM2_NAMES_X86_64_H
#define YD_SM_SM2_NAMES_X86_64_H
/* The sources of points and of the portable engine are compiled a second time over the field of
 * sm2_field_x86_64.h: a sm2_X_x86_64.c is this header and sm2_X.c.  What they define gets a name of its own
 * here, and SM2_X86_64 chooses the few places that differ. */
#define SM2_X86_64

#define fe_inv_batch fe_inv_batch_x86_64
#define point_double point_double_x86_64
#define point_add point_add_x86_64
#define point_add_affine_public point_add_affine_public_x86_64
#define point_mul_base point_mul_base_x86_64
#define point_mul point_mul_x86_64
#define point_add_unequal point_add_unequal_x86_64
#define point_add_affine_plain point_add_affine_plain_x86_64
#define point_to_affine point_to_affine_x86_64
#define point_to_affine_batch point_to_affine_batch_x86_64
#define point_odd_multiples point_odd_multiples_x86_64
#define point_mul_two_public point_mul_two_public_x86_64
#define point_mul_tables_public point_mul_tables_public_x86_64
#define point_table_fill point_table_fill_x86_64
#define sm2_engine_portable sm2_engine_x86_64

#endif

#ifndef YD_KMC_KMC_H
#define YD_KMC_KMC_H
/* Key-management centre: encryption key pairs are born here, wait on standby, go into use for one
 * certificate and end in history (R06.5, R06.13; GB/T 25056, GM/T 0014). */
#include "instance/instance.h"
#include "kmc/store.h"
#include "pki/km.h"

#include <pthread.h>

#define KMC_KEY "kmc" /* name of the key in the signer */
#define KMC_SKEW 300  /* seconds a request time may be off (R06.5) */
#define KMC_FILL_BATCH 256

struct kmc {
	struct instance *in;
	struct kmc_mac mac;
	pthread_mutex_t lock;
	pthread_cond_t wake;
	pthread_t filler;
	bool filling, ending, short_of_keys; /* under lock; short_of_keys: the alarm stands */
};

/* service.c: one GM/T 0014 message in, one out.  peer: name of the instance that sent it. */
RC kmc_serve(struct kmc *k, const char *peer, struct slice message, struct buf *ret);

/* refill.c */
RC kmc_fill_start(struct kmc *k);
void kmc_fill_stop(struct kmc *k);
void kmc_fill_wake(struct kmc *k);

#endif

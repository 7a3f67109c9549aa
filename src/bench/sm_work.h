#ifndef YD_BENCH_SM_WORK_H
#define YD_BENCH_SM_WORK_H
/* What the rows of src/sm do, and libcrypto's side of it: 400-byte messages with Z and SM3, 16-byte keys,
 * streams of 64 KiB. */
#include "sm/sm2.h"
#include "sm/sm3.h"
#include "sm/sm4.h"

#include <openssl/evp.h>

#define MESSAGE 400
#define KEY 16
#define STREAM (64u << 10)
#define STREAMS 8
#define LANES 64
#define STRANGERS 8192

/* Somebody's key and signature: most keys are met once. */
struct stranger {
	struct sm2_pub pub;
	struct sm2_sig sig;
};

struct sm_world {
	struct stranger strangers[STRANGERS];
	size_t turn;
	struct sm2_key key;
	struct sm2_nonces *nonces;
	struct sm2_sig sig, sigs[LANES];
	struct sm2_check checks[LANES];
	struct sm2_pub pubs[LANES];
	struct sm2_key keys[LANES];
	struct slice messages[LANES], streams[STREAMS];
	uint8_t message[MESSAGE], hash[STREAMS][SM3_LEN], wrapped[LANES][112], plain[LANES][KEY];
	uint8_t in[STREAMS][STREAM], out[STREAM], iv[16], tag[16];
	struct sm4 sm4;
	struct buf cipher, opened;
	struct peer_side {
		EVP_PKEY *key;
		uint8_t sig[SM2_SIG_DER_MAX], cipher[256];
		size_t sig_len, cipher_len;
	} sm2, p256;
};

RC sm_world_prepare(struct sm_world *w);
void sm_world_drop(struct sm_world *w);

/* Each does some of it and says how many units that was; 0 = it failed. */
typedef size_t sm_job(struct sm_world *w);
struct sm_task {
	const char *name;
	bool stream; /* counted in bytes */
	sm_job *one, *many; /* many: as a batch */
	sm_job *peer, *p256; /* libcrypto's SM2, SM3 or SM4, and its P-256 with SHA-256 */
};
/* Ended by one without a name. */
extern const struct sm_task sm_tasks[];

/* sm_peer.c */
RC sm_peer_prepare(struct sm_world *w);
void sm_peer_drop(struct sm_world *w);
sm_job sm_peer_sign, sm_peer_verify, sm_peer_keygen, sm_peer_encrypt, sm_peer_decrypt;
sm_job sm_peer_p256_sign, sm_peer_p256_verify, sm_peer_p256_keygen;
sm_job sm_peer_hash_stream, sm_peer_hash_message;
sm_job sm_peer_ctr, sm_peer_cbc, sm_peer_cbc_open;

#endif

#ifndef YD_SIGNER_WRAPPED_H
#define YD_SIGNER_WRAPPED_H
/* A wrapped key of one item of a vault: nonce, SM4-GCM of the key under the signer's wrapping key, tag. */
#define SIGNER_WRAP_NONCE 12
#define SIGNER_WRAPPED (SIGNER_WRAP_NONCE + 16 + 16)

#endif

#ifndef YD_SM_SM2_FIELD_X86_64_H
#define YD_SM_SM2_FIELD_X86_64_H
/* The arithmetic modulo p with the carry flag, mulx and the two carry chains of adcx and adox, for the
 * sources that sm2_names_x86_64.h names once more.  The compiler has no way to say "add with carry" that it
 * keeps in one chain.  Inline: a call would cost an eighth of a multiplication. */

/* p, whose limbs 0 and 2 are all ones */
#define FE_P1 0xffffffff00000000
#define FE_P3 0xfffffffeffffffff

/* t = a + b, and u = t - p, which is taken unless it borrows. */
static inline void fe_add(struct fe *r, const struct fe *a, const struct fe *b)
{
	uint64_t t0 = a->v[0], t1 = a->v[1], t2 = a->v[2], t3 = a->v[3], u0, u1, u2, u3, carry;

	__asm__("addq 0(%[b]), %[t0]\n\t"
	        "adcq 8(%[b]), %[t1]\n\t"
	        "adcq 16(%[b]), %[t2]\n\t"
	        "adcq 24(%[b]), %[t3]\n\t"
	        "sbbq %[carry], %[carry]\n\t"
	        "negq %[carry]\n\t"
	        "movq %[t0], %[u0]\n\t"
	        "movq %[t1], %[u1]\n\t"
	        "movq %[t2], %[u2]\n\t"
	        "movq %[t3], %[u3]\n\t"
	        "subq $-1, %[u0]\n\t"
	        "sbbq %[p1], %[u1]\n\t"
	        "sbbq $-1, %[u2]\n\t"
	        "sbbq %[p3], %[u3]\n\t"
	        "sbbq $0, %[carry]\n\t"
	        "cmovncq %[u0], %[t0]\n\t"
	        "cmovncq %[u1], %[t1]\n\t"
	        "cmovncq %[u2], %[t2]\n\t"
	        "cmovncq %[u3], %[t3]\n\t"
	        : [t0] "+&r"(t0), [t1] "+&r"(t1), [t2] "+&r"(t2), [t3] "+&r"(t3), [u0] "=&r"(u0),
	          [u1] "=&r"(u1), [u2] "=&r"(u2), [u3] "=&r"(u3), [carry] "=&r"(carry)
	        : [b] "r"(b->v), [p1] "rm"(FE_P1), [p3] "rm"(FE_P3), "m"(*b)
	        : "cc");
	*r = (struct fe){{t0, t1, t2, t3}};
}

/* a - b, and p more if that borrows. */
static inline void fe_sub(struct fe *r, const struct fe *a, const struct fe *b)
{
	uint64_t t0 = a->v[0], t1 = a->v[1], t2 = a->v[2], t3 = a->v[3], m, m1, m3;

	__asm__("subq 0(%[b]), %[t0]\n\t"
	        "sbbq 8(%[b]), %[t1]\n\t"
	        "sbbq 16(%[b]), %[t2]\n\t"
	        "sbbq 24(%[b]), %[t3]\n\t"
	        "sbbq %[m], %[m]\n\t"
	        "movq %[m], %[m1]\n\t"
	        "shlq $32, %[m1]\n\t"
	        "movq %[m], %[m3]\n\t"
	        "andq %[p3], %[m3]\n\t"
	        "addq %[m], %[t0]\n\t"
	        "adcq %[m1], %[t1]\n\t"
	        "adcq %[m], %[t2]\n\t"
	        "adcq %[m3], %[t3]\n\t"
	        : [t0] "+&r"(t0), [t1] "+&r"(t1), [t2] "+&r"(t2), [t3] "+&r"(t3), [m] "=&r"(m),
	          [m1] "=&r"(m1), [m3] "=&r"(m3)
	        : [b] "r"(b->v), [p3] "rm"(FE_P3), "m"(*b)
	        : "cc");
	*r = (struct fe){{t0, t1, t2, t3}};
}

/* a / 2: an odd number gets p added first. */
static inline void fe_half(struct fe *r, const struct fe *a)
{
	uint64_t t0 = a->v[0], t1 = a->v[1], t2 = a->v[2], t3 = a->v[3], m = 0 - (t0 & 1), m1, m3, carry;

	__asm__("movq %[m], %[m1]\n\t"
	        "shlq $32, %[m1]\n\t"
	        "movq %[m], %[m3]\n\t"
	        "andq %[p3], %[m3]\n\t"
	        "addq %[m], %[t0]\n\t"
	        "adcq %[m1], %[t1]\n\t"
	        "adcq %[m], %[t2]\n\t"
	        "adcq %[m3], %[t3]\n\t"
	        "sbbq %[carry], %[carry]\n\t"
	        "shrdq $1, %[t1], %[t0]\n\t"
	        "shrdq $1, %[t2], %[t1]\n\t"
	        "shrdq $1, %[t3], %[t2]\n\t"
	        "shrdq $1, %[carry], %[t3]\n\t"
	        : [t0] "+&r"(t0), [t1] "+&r"(t1), [t2] "+&r"(t2), [t3] "+&r"(t3), [m1] "=&r"(m1),
	          [m3] "=&r"(m3), [carry] "=&r"(carry)
	        : [m] "r"(m), [p3] "rm"(FE_P3)
	        : "cc");
	*r = (struct fe){{t0, t1, t2, t3}};
}

/* One limb m = t0 of Montgomery's reduction: the number t3:t2:t1:t0 plus m * p is divided by 2^64.  As
 * p = -1 modulo 2^64, what is left of m * p is m * 2^192 - m * 2^160 - m * 2^32 + m: so m stands at the top
 * and in t1, and the halves of m * 2^32 go off twice.  Now t1 is the lowest limb and t0 the highest. */
#define FE_REDUCE_LIMB(t0, t1, t2, t3)                                                                       \
	"movq %[" #t0 "], %[x]\n\t"                                                                          \
	"movq %[" #t0 "], %[y]\n\t"                                                                          \
	"shlq $32, %[x]\n\t"                                                                                 \
	"shrq $32, %[y]\n\t"                                                                                 \
	"addq %[" #t0 "], %[" #t1 "]\n\t"                                                                    \
	"adcq $0, %[" #t2 "]\n\t"                                                                            \
	"adcq $0, %[" #t3 "]\n\t"                                                                            \
	"adcq $0, %[" #t0 "]\n\t"                                                                            \
	"subq %[x], %[" #t1 "]\n\t"                                                                          \
	"sbbq %[y], %[" #t2 "]\n\t"                                                                          \
	"sbbq %[x], %[" #t3 "]\n\t"                                                                          \
	"sbbq %[y], %[" #t0 "]\n\t"

/* The lower half reduced, the upper added: less than 2p, in t7:t6:t5:t4; then p off if that leaves
 * something. */
#define FE_REDUCE                                                                                            \
	FE_REDUCE_LIMB(t0, t1, t2, t3)                                                                       \
	FE_REDUCE_LIMB(t1, t2, t3, t0)                                                                       \
	FE_REDUCE_LIMB(t2, t3, t0, t1)                                                                       \
	FE_REDUCE_LIMB(t3, t0, t1, t2)                                                                       \
	"xorl %k[x], %k[x]\n\t"                                                                              \
	"addq %[t0], %[t4]\n\t"                                                                              \
	"adcq %[t1], %[t5]\n\t"                                                                              \
	"adcq %[t2], %[t6]\n\t"                                                                              \
	"adcq %[t3], %[t7]\n\t"                                                                              \
	"adcq $0, %[x]\n\t"                                                                                  \
	"movabsq $0xffffffff00000000, %[y]\n\t"                                                              \
	"movabsq $0xfffffffeffffffff, %%rdx\n\t"                                                             \
	"movq %[t4], %[t0]\n\t"                                                                              \
	"movq %[t5], %[t1]\n\t"                                                                              \
	"movq %[t6], %[t2]\n\t"                                                                              \
	"movq %[t7], %[t3]\n\t"                                                                              \
	"subq $-1, %[t0]\n\t"                                                                                \
	"sbbq %[y], %[t1]\n\t"                                                                               \
	"sbbq $-1, %[t2]\n\t"                                                                                \
	"sbbq %%rdx, %[t3]\n\t"                                                                              \
	"sbbq $0, %[x]\n\t"                                                                                  \
	"cmovncq %[t0], %[t4]\n\t"                                                                           \
	"cmovncq %[t1], %[t5]\n\t"                                                                           \
	"cmovncq %[t2], %[t6]\n\t"                                                                           \
	"cmovncq %[t3], %[t7]\n\t"

/* Adds the limb at offset i of a, times b, to t4:t3:t2:t1:t0, where t4 is new; x and both flags are 0
 * afterwards. */
#define FE_ROW(i, t0, t1, t2, t3, t4)                                                                        \
	"movq " #i "(%[a]), %%rdx\n\t"                                                                       \
	"xorl %k[" #t4 "], %k[" #t4 "]\n\t"                                                                  \
	"mulxq 0(%[b]), %[x], %[y]\n\t"                                                                      \
	"adcxq %[x], %[" #t0 "]\n\t"                                                                         \
	"adoxq %[y], %[" #t1 "]\n\t"                                                                         \
	"mulxq 8(%[b]), %[x], %[y]\n\t"                                                                      \
	"adcxq %[x], %[" #t1 "]\n\t"                                                                         \
	"adoxq %[y], %[" #t2 "]\n\t"                                                                         \
	"mulxq 16(%[b]), %[x], %[y]\n\t"                                                                     \
	"adcxq %[x], %[" #t2 "]\n\t"                                                                         \
	"adoxq %[y], %[" #t3 "]\n\t"                                                                         \
	"mulxq 24(%[b]), %[x], %[y]\n\t"                                                                     \
	"adcxq %[x], %[" #t3 "]\n\t"                                                                         \
	"adoxq %[y], %[" #t4 "]\n\t"                                                                         \
	"adcq $0, %[" #t4 "]\n\t"

#define FE_OUTPUTS                                                                                           \
	[t0] "=&r"(t0), [t1] "=&r"(t1), [t2] "=&r"(t2), [t3] "=&r"(t3), [t4] "=&r"(t4), [t5] "=&r"(t5),      \
	        [t6] "=&r"(t6), [t7] "=&r"(t7), [x] "=&r"(x), [y] "=&r"(y)

static inline void fe_mul(struct fe *r, const struct fe *a, const struct fe *b)
{
	uint64_t t0, t1, t2, t3, t4, t5, t6, t7, x, y;

	__asm__("movq 0(%[a]), %%rdx\n\t"
	        "mulxq 0(%[b]), %[t0], %[t1]\n\t"
	        "mulxq 8(%[b]), %[x], %[t2]\n\t"
	        "addq %[x], %[t1]\n\t"
	        "mulxq 16(%[b]), %[x], %[t3]\n\t"
	        "adcq %[x], %[t2]\n\t"
	        "mulxq 24(%[b]), %[x], %[t4]\n\t"
	        "adcq %[x], %[t3]\n\t"
	        "adcq $0, %[t4]\n\t"
	        /* the other three limbs of a */
	        FE_ROW(8, t1, t2, t3, t4, t5)  /* */
	        FE_ROW(16, t2, t3, t4, t5, t6) /* */
	        FE_ROW(24, t3, t4, t5, t6, t7) /* */
	        FE_REDUCE                      /* */
	        : FE_OUTPUTS
	        : [a] "r"(a->v), [b] "r"(b->v)
	        : "rdx", "cc", "memory");
	*r = (struct fe){{t4, t5, t6, t7}};
}

/* Each product of two different limbs once, doubled while the squares are added. */
static inline void fe_sqr(struct fe *r, const struct fe *a)
{
	uint64_t t0, t1, t2, t3, t4, t5, t6, t7, x, y;

	__asm__("movq 0(%[a]), %%rdx\n\t"
	        "mulxq 8(%[a]), %[t1], %[t2]\n\t"
	        "mulxq 16(%[a]), %[x], %[t3]\n\t"
	        "addq %[x], %[t2]\n\t"
	        "mulxq 24(%[a]), %[x], %[t4]\n\t"
	        "adcq %[x], %[t3]\n\t"
	        "adcq $0, %[t4]\n\t"
	        "movq 8(%[a]), %%rdx\n\t"
	        "xorl %k[t5], %k[t5]\n\t"
	        "mulxq 16(%[a]), %[x], %[y]\n\t"
	        "adcxq %[x], %[t3]\n\t"
	        "adoxq %[y], %[t4]\n\t"
	        "mulxq 24(%[a]), %[x], %[y]\n\t"
	        "adcxq %[x], %[t4]\n\t"
	        "adoxq %[y], %[t5]\n\t"
	        "adcq $0, %[t5]\n\t"
	        "movq 16(%[a]), %%rdx\n\t"
	        "mulxq 24(%[a]), %[x], %[t6]\n\t"
	        "addq %[x], %[t5]\n\t"
	        "adcq $0, %[t6]\n\t"
	        /* doubled by one chain, the squares added by the other */
	        "movq 0(%[a]), %%rdx\n\t"
	        "xorl %k[t7], %k[t7]\n\t"
	        "mulxq %%rdx, %[t0], %[y]\n\t"
	        "adcxq %[t1], %[t1]\n\t"
	        "adoxq %[y], %[t1]\n\t"
	        "movq 8(%[a]), %%rdx\n\t"
	        "mulxq %%rdx, %[x], %[y]\n\t"
	        "adcxq %[t2], %[t2]\n\t"
	        "adoxq %[x], %[t2]\n\t"
	        "adcxq %[t3], %[t3]\n\t"
	        "adoxq %[y], %[t3]\n\t"
	        "movq 16(%[a]), %%rdx\n\t"
	        "mulxq %%rdx, %[x], %[y]\n\t"
	        "adcxq %[t4], %[t4]\n\t"
	        "adoxq %[x], %[t4]\n\t"
	        "adcxq %[t5], %[t5]\n\t"
	        "adoxq %[y], %[t5]\n\t"
	        "movq 24(%[a]), %%rdx\n\t"
	        "mulxq %%rdx, %[x], %[y]\n\t"
	        "adcxq %[t6], %[t6]\n\t"
	        "adoxq %[x], %[t6]\n\t"
	        "adcxq %[t7], %[t7]\n\t"
	        "adoxq %[y], %[t7]\n\t" /* */
	        FE_REDUCE               /* */
	        : FE_OUTPUTS
	        : [a] "r"(a->v)
	        : "rdx", "cc", "memory");
	*r = (struct fe){{t4, t5, t6, t7}};
}

#endif

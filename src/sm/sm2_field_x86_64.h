#ifndef YD_SM_SM2_FIELD_X86_64_H
#define YD_SM_SM2_FIELD_X86_64_H
/* Addition, subtraction and halving modulo p with the carry flag, for the sources that sm2_names_x86_64.h
 * names once more.  The compiler has no way to say "add with carry" that it keeps in one chain. */

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

#endif

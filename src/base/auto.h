#ifndef YD_BASE_AUTO_H
#define YD_BASE_AUTO_H
/* Ownership: an owned local frees itself.  DROP(type, fn) beside the type's free function lets
 * callers write AUTO(type, name, NULL); MOVE gives the value away. */
#define DROP(type, fn) \
	static inline void drop_##type(struct type **p) { fn(*p); *p = (struct type *)0; } \
	struct type
#define AUTO(type, name, init) \
	__attribute__((cleanup(drop_##type))) struct type *name = (init)
#define MOVE(p) \
	__extension__({ __typeof__(p) moved__ = (p); (p) = (__typeof__(p))0; moved__; })

#endif

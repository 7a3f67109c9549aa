/* Names as people have them are taken, with rare characters beyond the basic plane; what would deceive the
 * officer who reads them is not. */
#include "pki/identity_text.h"

#include "base/check.h"

static void names_are_taken(void **state)
{
	static const char *const good[] = {
	        "张三",
	        "𠮷田一郎",           /* U+20BB7 */
	        "王㛃",               /* extension A */
	        "李𬸦𪚥",        /* extensions E and B */
	        "刘\xf0\xb0\x80\x80", /* U+30000, extension G */
	        "﨎",                 /* U+FA0E, a character of its own among the compatible */
	        "阿依古丽·买买提",    /* the middle dot of names of minorities */
	        "སྒྲོལ་མ",
	        "ئايگۈل",
	        "Müller-Lüdenscheidt, Hans",
	        "示范（北京）科技有限公司第2分公司",
	        "Иванов",
	        "Παπαδόπουλος 公司",
	        "A B",
	        "",
	};

	(void)state;
	for (size_t i = 0; i < sizeof(good) / sizeof(good[0]); i++) {
		if (identity_text_fault(slice_text(good[i])) != NULL)
			fail_msg("%s: %s", good[i], identity_text_fault(slice_text(good[i])));
	}
}

static void deceit_is_refused(void **state)
{
	static const char *const bad[] = {
	        "张\xe2\x80\xae三",     /* U+202E turns the direction */
	        "张\xe2\x81\xa6三",     /* U+2066 */
	        "张\xe2\x80\x8b三",     /* U+200B zero width */
	        "张\xe2\x80\x8d三",     /* U+200D joiner */
	        "张\xef\xbb\xbf三",     /* U+FEFF */
	        "张\xef\xb8\x80三",     /* U+FE00 variation selector */
	        "张\xf3\xa0\x84\x80三", /* U+E0100 */
	        "张\xe3\x85\xa4三",     /* U+3164 */
	        "张\xc2\xad三",         /* U+00AD */
	        "张\xee\x80\x80三",     /* U+E000 private use */
	        "张\xf3\xb0\x80\x80三", /* U+F0000 */
	        "张\xef\xa4\x94",       /* U+F914 is U+6A02 */
	        "张\xf0\xaf\xa0\x80",   /* U+2F800 */
	        "张\xe2\xbc\x80",       /* U+2F00, the radical one */
	        "张\xe3\x80\x80三",     /* U+3000 */
	        "张\xc2\xa0三",         /* U+00A0 */
	        "Ａ公司",               /* full-width A */
	        "第２分公司",           /* full-width 2 */
	        "A\xcc\x88",            /* A and U+0308 instead of U+00C4 */
	        "аpple",                /* the first letter is Cyrillic */
	        "ΑBC",                  /* the first letter is Greek */
	        "𝐀公司",                /* mathematical */
	        "a\tb",
	        "a\nb",
	        "a\x7f",
	        " a",
	        "a ",
	        "a  b",
	        "a\xff",
	        "a\xed\xa0\x80",     /* half of a surrogate pair */
	        "a\xc0\xaf",         /* overlong */
	        "a\xf4\x90\x80\x80", /* above U+10FFFF */
	        "a\xe5\xbc",         /* cut off */
	};

	(void)state;
	for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
		if (identity_text_fault(slice_text(bad[i])) == NULL)
			fail_msg("%zu: %s", i, bad[i]);
	}
	assert_non_null(identity_text_fault(SLICE_LIT("a\0b")));
}

int main(void)
{
	const struct CMUnitTest tests[] = {cmocka_unit_test(names_are_taken),
	                                   cmocka_unit_test(deceit_is_refused)};

	return cmocka_run_group_tests(tests, NULL, NULL);
}

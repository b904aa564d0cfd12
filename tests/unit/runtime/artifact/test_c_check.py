import pytest

from mnistx_runtime.artifact.c_check import check_c
from mnistx_runtime.errors import ArtifactError

HEADER = b"#include <stdint.h>\nint net_predict(const uint8_t *image, float *log_probs, void *workspace);\n"
SOURCE = """/* written by a toolkit */
#include "net.h"
#include <math.h>
#include "net_certificate.h"
#ifdef __AVX2__
#include <immintrin.h>
#define ADD(a, b) _mm256_add_ps(a, b)
typedef float vec __attribute__((vector_size(4 * 8)));
typedef int32_t word __attribute__((aligned(4), may_alias));
#endif
static float square(const float *x)
{
    return x[0] * x[0];
}
static float twice(float x)
{
    float y = expf(x);
    __asm__("smlad %0, %1, %2, %0" : "+r"(y) : "r"(x), "r"(x));
    return (float)(void *)0 + square(&y);
}
"""


def check(source: str, header: bytes = HEADER) -> None:
    check_c({"net.c": source.encode(), "net.h": header}, "net", "net.c99")


def test_what_the_toolkit_writes_passes() -> None:
    check(SOURCE)


@pytest.mark.parametrize(
    "more, what",
    [
        ("#include <stdlib.h>\n", "#include <stdlib.h>"),
        ('#include "/etc/passwd"\n', '#include "/etc/passwd"'),
        ("#include HEADER\n", "#include HEADER"),
        ("#pragma GCC x\n", "#pragma"),
        ("int system(const char *c);\n", "system()"),
        ("int (system)(const char *c);\n", "int()"),
        ("static void f(void) { system(0); }\n", "system()"),
        ("static void f(void) { sys\\\ntem(0); }\n", "system()"),
        ("/* *\\\n/ static void f(void) { system(0); } /* */\n", "f()"),
        ("static void f(void) { ((void (*)(void))8)(); }\n", "a pointer to a function"),
        ("static void f(void) { table[0](1); }\n", "a pointer to a function"),
        ("typedef void F(void);\n", "F()"),
        ('__asm__("syscall");\n', 'the text "syscall"'),
        ('static const char *c = "id";\n', 'the text "id"'),
        ("static char c = 'x';\n", "a character"),
        ("// ends \\\n", "a comment"),
        ("static int f(void) __attribute__((constructor));\n", "the attribute constructor"),
        ('int g(void) __attribute__((alias("x")));\n', "the text"),
        ("%:include <stdlib.h>\n", "hides code"),
        ("??=include <stdlib.h>\n", "hides code"),
    ],
)
def test_what_reaches_outside_is_refused(more: str, what: str) -> None:
    with pytest.raises(ArtifactError) as told:
        check(SOURCE + more)
    assert what in str(told.value)
    with pytest.raises(ArtifactError):
        check(SOURCE, HEADER + more.encode())


def test_other_alphabets_are_refused() -> None:
    with pytest.raises(ArtifactError, match="no plain text"):
        check(SOURCE + "static int é;\n")

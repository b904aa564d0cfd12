/* The widest vectors of this target, in numbers of 32 bits. Define ${upper}_PLAIN_C for plain C, which gives the same
 * bits; of floats where the compiler doesn't fuse products and sums (-ffp-contract=off). */
#if defined(__GNUC__) && !defined(${upper}_PLAIN_C)
#if defined(__AVX512F__) && defined(__AVX512BW__)
#define VECTOR_LANES 16
#elif defined(__AVX2__)
#define VECTOR_LANES 8
#elif defined(__SSE2__) || defined(__ARM_NEON) || defined(__wasm_simd128__)
#define VECTOR_LANES 4
#endif
#endif
#if !defined(VECTOR_LANES)
#define VECTOR_LANES 4
#define PLAIN_C
#elif defined(__SSE2__)
#include <immintrin.h>
#elif defined(__ARM_NEON)
#include <arm_neon.h>
#elif defined(__wasm_simd128__)
#include <wasm_simd128.h>
#endif

/* Types of at most $n numbers of 32 bits, or twice as many of 16. */
#if VECTOR_LANES < $n
#define LANES$n VECTOR_LANES
#else
#define LANES$n $n
#endif
#if defined(PLAIN_C)
typedef struct {
    float lane[LANES$n];
} floats$n;
typedef struct {
    int32_t lane[LANES$n];
} ints$n;
typedef struct {
    int16_t lane[2 * LANES$n];
} shorts$n;
#else
typedef float floats$n __attribute__((vector_size(4 * LANES$n)));
typedef int32_t ints$n __attribute__((vector_size(4 * LANES$n)));
typedef int16_t shorts$n __attribute__((vector_size(4 * LANES$n)));
typedef floats$n loose_floats$n __attribute__((aligned(4), may_alias));
typedef ints$n loose_ints$n __attribute__((aligned(4), may_alias));
typedef shorts$n loose_shorts$n __attribute__((aligned(2), may_alias));
#endif

static inline floats$n floats${n}_load(const float *x)
{
#if defined(PLAIN_C)
    floats$n y;
    for (int l = 0; l < LANES$n; l++) {
        y.lane[l] = x[l];
    }
    return y;
#else
    return *(const loose_floats$n *)(const void *)x;
#endif
}

static inline void floats${n}_store(float *y, floats$n a)
{
#if defined(PLAIN_C)
    for (int l = 0; l < LANES$n; l++) {
        y[l] = a.lane[l];
    }
#else
    *(loose_floats$n *)(void *)y = a;
#endif
}

static inline floats$n floats${n}_splat(float x)
{
#if defined(PLAIN_C)
    floats$n y;
    for (int l = 0; l < LANES$n; l++) {
        y.lane[l] = x;
    }
    return y;
#else
    const floats$n zero = {0.0f};
    return x - zero;
#endif
}

static inline floats$n floats${n}_add(floats$n a, floats$n b)
{
#if defined(PLAIN_C)
    for (int l = 0; l < LANES$n; l++) {
        a.lane[l] += b.lane[l];
    }
    return a;
#else
    return a + b;
#endif
}

static inline floats$n floats${n}_subtract(floats$n a, floats$n b)
{
#if defined(PLAIN_C)
    for (int l = 0; l < LANES$n; l++) {
        a.lane[l] -= b.lane[l];
    }
    return a;
#else
    return a - b;
#endif
}

static inline floats$n floats${n}_multiply(floats$n a, floats$n b)
{
#if defined(PLAIN_C)
    for (int l = 0; l < LANES$n; l++) {
        a.lane[l] *= b.lane[l];
    }
    return a;
#else
    return a * b;
#endif
}

static inline floats$n floats${n}_multiply_add(floats$n sum, floats$n a, floats$n b)
{
#if defined(PLAIN_C)
    for (int l = 0; l < LANES$n; l++) {
        sum.lane[l] += a.lane[l] * b.lane[l];
    }
    return sum;
#else
    return sum + (a * b);
#endif
}

static inline floats$n floats${n}_maximum(floats$n a, floats$n b)
{
#if defined(PLAIN_C)
    for (int l = 0; l < LANES$n; l++) {
        a.lane[l] = (b.lane[l] > a.lane[l]) ? b.lane[l] : a.lane[l];
    }
    return a;
#elif defined(__AVX512F__) && (LANES$n == 16)
    return (floats$n)_mm512_maskz_max_ps(0xffff, (__m512)b, (__m512)a);
#elif defined(__AVX__) && (LANES$n == 8)
    return (floats$n)_mm256_max_ps((__m256)b, (__m256)a);
#elif defined(__SSE2__)
    return (floats$n)_mm_max_ps((__m128)b, (__m128)a);
#else
    const ints$n larger = (ints$n)(b > a);
    return (floats$n)(((ints$n)b & larger) | ((ints$n)a & ~larger));
#endif
}

static inline floats$n floats${n}_minimum(floats$n a, floats$n b)
{
#if defined(PLAIN_C)
    for (int l = 0; l < LANES$n; l++) {
        a.lane[l] = (b.lane[l] < a.lane[l]) ? b.lane[l] : a.lane[l];
    }
    return a;
#elif defined(__AVX512F__) && (LANES$n == 16)
    return (floats$n)_mm512_maskz_min_ps(0xffff, (__m512)b, (__m512)a);
#elif defined(__AVX__) && (LANES$n == 8)
    return (floats$n)_mm256_min_ps((__m256)b, (__m256)a);
#elif defined(__SSE2__)
    return (floats$n)_mm_min_ps((__m128)b, (__m128)a);
#else
    const ints$n smaller = (ints$n)(b < a);
    return (floats$n)(((ints$n)b & smaller) | ((ints$n)a & ~smaller));
#endif
}

static inline floats$n floats${n}_of_ints(ints$n a)
{
#if defined(PLAIN_C)
    floats$n y;
    for (int l = 0; l < LANES$n; l++) {
        y.lane[l] = (float)a.lane[l];
    }
    return y;
#else
    return __builtin_convertvector(a, floats$n);
#endif
}

static inline ints$n ints${n}_load(const int32_t *x)
{
#if defined(PLAIN_C)
    ints$n y;
    for (int l = 0; l < LANES$n; l++) {
        y.lane[l] = x[l];
    }
    return y;
#else
    return *(const loose_ints$n *)(const void *)x;
#endif
}

static inline void ints${n}_store(int32_t *y, ints$n a)
{
#if defined(PLAIN_C)
    for (int l = 0; l < LANES$n; l++) {
        y[l] = a.lane[l];
    }
#else
    *(loose_ints$n *)(void *)y = a;
#endif
}

static inline ints$n ints${n}_splat(int32_t x)
{
#if defined(PLAIN_C)
    ints$n y;
    for (int l = 0; l < LANES$n; l++) {
        y.lane[l] = x;
    }
    return y;
#else
    const ints$n zero = {0};
    return x - zero;
#endif
}

static inline ints$n ints${n}_add(ints$n a, ints$n b)
{
#if defined(PLAIN_C)
    for (int l = 0; l < LANES$n; l++) {
        a.lane[l] += b.lane[l];
    }
    return a;
#else
    return a + b;
#endif
}

static inline ints$n ints${n}_subtract(ints$n a, ints$n b)
{
#if defined(PLAIN_C)
    for (int l = 0; l < LANES$n; l++) {
        a.lane[l] -= b.lane[l];
    }
    return a;
#else
    return a - b;
#endif
}

/* Of multiples of 4. */
static inline ints$n ints${n}_quarter(ints$n a)
{
#if defined(PLAIN_C)
    for (int l = 0; l < LANES$n; l++) {
        a.lane[l] /= 4;
    }
    return a;
#else
    return a >> 2;
#endif
}

static inline ints$n ints${n}_maximum(ints$n a, ints$n b)
{
#if defined(PLAIN_C)
    for (int l = 0; l < LANES$n; l++) {
        a.lane[l] = (b.lane[l] > a.lane[l]) ? b.lane[l] : a.lane[l];
    }
    return a;
#elif defined(__AVX512F__) && (LANES$n == 16)
    return (ints$n)_mm512_maskz_max_epi32(0xffff, (__m512i)b, (__m512i)a);
#elif defined(__AVX2__) && (LANES$n == 8)
    return (ints$n)_mm256_max_epi32((__m256i)b, (__m256i)a);
#elif defined(__SSE4_1__)
    return (ints$n)_mm_max_epi32((__m128i)b, (__m128i)a);
#else
    const ints$n larger = (ints$n)(b > a);
    return (b & larger) | (a & ~larger);
#endif
}

static inline ints$n ints${n}_minimum(ints$n a, ints$n b)
{
#if defined(PLAIN_C)
    for (int l = 0; l < LANES$n; l++) {
        a.lane[l] = (b.lane[l] < a.lane[l]) ? b.lane[l] : a.lane[l];
    }
    return a;
#elif defined(__AVX512F__) && (LANES$n == 16)
    return (ints$n)_mm512_maskz_min_epi32(0xffff, (__m512i)b, (__m512i)a);
#elif defined(__AVX2__) && (LANES$n == 8)
    return (ints$n)_mm256_min_epi32((__m256i)b, (__m256i)a);
#elif defined(__SSE4_1__)
    return (ints$n)_mm_min_epi32((__m128i)b, (__m128i)a);
#else
    const ints$n smaller = (ints$n)(b < a);
    return (b & smaller) | (a & ~smaller);
#endif
}

static inline ints$n ints${n}_of_int8(const int8_t *x)
{
#if defined(PLAIN_C)
    ints$n y;
    for (int l = 0; l < LANES$n; l++) {
        y.lane[l] = x[l];
    }
    return y;
#elif defined(__AVX512F__) && (LANES$n == 16)
    return (ints$n)_mm512_maskz_cvtepi8_epi32(0xffff, _mm_loadu_si128((const __m128i *)(const void *)x));
#elif defined(__AVX2__) && (LANES$n == 8)
    return (ints$n)_mm256_cvtepi8_epi32(_mm_loadl_epi64((const __m128i *)(const void *)x));
#elif defined(__SSE2__)
    int32_t bytes;
    __builtin_memcpy(&bytes, x, 4);
    const __m128i first = _mm_cvtsi32_si128(bytes);
    const __m128i pairs = _mm_unpacklo_epi8(first, first);
    return (ints$n)_mm_srai_epi32(_mm_unpacklo_epi16(pairs, pairs), 24);
#else
    const ints$n y = {x[0], x[1], x[2], x[3]};
    return y;
#endif
}

/* Of numbers from 0 to 255. */
static inline void ints${n}_store_uint8(uint8_t *y, ints$n a)
{
#if defined(PLAIN_C)
    for (int l = 0; l < LANES$n; l++) {
        y[l] = (uint8_t)a.lane[l];
    }
#elif defined(__AVX512F__) && (LANES$n == 16)
    _mm_storeu_si128((__m128i *)(void *)y, _mm512_maskz_cvtepi32_epi8(0xffff, (__m512i)a));
#elif defined(__AVX2__) && (LANES$n == 8)
    const __m256i all = (__m256i)a;
    const __m128i half = _mm_packs_epi32(_mm256_castsi256_si128(all), _mm256_extracti128_si256(all, 1));
    _mm_storel_epi64((__m128i *)(void *)y, _mm_packus_epi16(half, half));
#elif defined(__SSE2__)
    const __m128i half = _mm_packs_epi32((__m128i)a, (__m128i)a);
    const int32_t bytes = _mm_cvtsi128_si32(_mm_packus_epi16(half, half));
    __builtin_memcpy(y, &bytes, 4);
#else
    for (int l = 0; l < LANES$n; l++) {
        y[l] = (uint8_t)a[l];
    }
#endif
}

/* sum * multiplier / 2^shift, rounded half up; multipliers aren't below 0. */
static inline ints$n ints${n}_rescale(ints$n sum, ints$n multiplier, int32_t shift)
{
    const uint64_t offset = (uint64_t)1 << 62;
    const uint64_t half = ((uint64_t)1 << (shift - 1)) + offset;
    const uint64_t least = offset >> shift;
#if defined(PLAIN_C)
    for (int l = 0; l < LANES$n; l++) {
        const uint64_t product = (uint64_t)((int64_t)sum.lane[l] * multiplier.lane[l]) + half;
        sum.lane[l] = (int32_t)((int64_t)(product >> shift) - (int64_t)least);
    }
    return sum;
#elif defined(__SSE2__)
    typedef uint64_t longs __attribute__((vector_size(4 * LANES$n)));
    const longs even = (longs)(sum ^ INT32_MIN);
    const longs odd = even >> 32;
    const longs even_factor = (longs)multiplier;
    const longs odd_factor = even_factor >> 32;
#if LANES$n == 16
    const longs even_product = (longs)_mm512_maskz_mul_epu32(0xff, (__m512i)even, (__m512i)even_factor);
    const longs odd_product = (longs)_mm512_maskz_mul_epu32(0xff, (__m512i)odd, (__m512i)odd_factor);
#elif LANES$n == 8
    const longs even_product = (longs)_mm256_mul_epu32((__m256i)even, (__m256i)even_factor);
    const longs odd_product = (longs)_mm256_mul_epu32((__m256i)odd, (__m256i)odd_factor);
#else
    const longs even_product = (longs)_mm_mul_epu32((__m128i)even, (__m128i)even_factor);
    const longs odd_product = (longs)_mm_mul_epu32((__m128i)odd, (__m128i)odd_factor);
#endif
    const longs even_sum = ((even_product - ((even_factor << 32) >> 1)) + half) >> shift;
    const longs odd_sum = ((odd_product - (odd_factor << 31)) + half) >> shift;
    return (ints$n)((((even_sum - least) << 32) >> 32) | ((odd_sum - least) << 32));
#else
    for (int l = 0; l < LANES$n; l++) {
        const uint64_t product = (uint64_t)((int64_t)sum[l] * multiplier[l]) + half;
        sum[l] = (int32_t)((int64_t)(product >> shift) - (int64_t)least);
    }
    return sum;
#endif
}

/* sum + (a * b), of numbers that fit in 16 bits. */
static inline ints$n ints${n}_multiply_add(ints$n sum, ints$n a, ints$n b)
{
#if defined(PLAIN_C)
    for (int l = 0; l < LANES$n; l++) {
        sum.lane[l] += a.lane[l] * b.lane[l];
    }
    return sum;
#elif defined(__AVX512VNNI__) && (LANES$n == 16)
    return (ints$n)_mm512_dpwssd_epi32((__m512i)sum, (__m512i)a, (__m512i)(b & 0xffff));
#elif defined(__AVX512BW__) && (LANES$n == 16)
    return sum + (ints$n)_mm512_madd_epi16((__m512i)a, (__m512i)(b & 0xffff));
#elif defined(__AVX2__) && (LANES$n == 8)
    return sum + (ints$n)_mm256_madd_epi16((__m256i)a, (__m256i)(b & 0xffff));
#elif defined(__SSE2__)
    return sum + (ints$n)_mm_madd_epi16((__m128i)a, (__m128i)(b & 0xffff));
#else
    return sum + (a * b);
#endif
}

static inline shorts$n shorts${n}_load(const int16_t *x)
{
#if defined(PLAIN_C)
    shorts$n y;
    for (int l = 0; l < 2 * LANES$n; l++) {
        y.lane[l] = x[l];
    }
    return y;
#else
    return *(const loose_shorts$n *)(const void *)x;
#endif
}

static inline void shorts${n}_store(int16_t *y, shorts$n a)
{
#if defined(PLAIN_C)
    for (int l = 0; l < 2 * LANES$n; l++) {
        y[l] = a.lane[l];
    }
#else
    *(loose_shorts$n *)(void *)y = a;
#endif
}

static inline shorts$n shorts${n}_add(shorts$n a, shorts$n b)
{
#if defined(PLAIN_C)
    for (int l = 0; l < 2 * LANES$n; l++) {
        a.lane[l] = (int16_t)(a.lane[l] + b.lane[l]);
    }
    return a;
#else
    return a + b;
#endif
}

static inline shorts$n shorts${n}_subtract(shorts$n a, shorts$n b)
{
#if defined(PLAIN_C)
    for (int l = 0; l < 2 * LANES$n; l++) {
        a.lane[l] = (int16_t)(a.lane[l] - b.lane[l]);
    }
    return a;
#else
    return a - b;
#endif
}

/* The same two numbers in each lane. */
static inline shorts$n shorts${n}_splat_pair(const int16_t *x)
{
#if defined(PLAIN_C)
    shorts$n y;
    for (int l = 0; l < 2 * LANES$n; l++) {
        y.lane[l] = x[l % 2];
    }
    return y;
#else
    const ints$n zero = {0};
    int32_t pair;
    __builtin_memcpy(&pair, x, 4);
    return (shorts$n)(pair - zero);
#endif
}

/* Pairs of numbers that fit in 16 bits. */
static inline shorts$n shorts${n}_pair(ints$n a, ints$n b)
{
#if defined(PLAIN_C)
    shorts$n y;
    for (int l = 0; l < LANES$n; l++) {
        y.lane[2 * l] = (int16_t)a.lane[l];
        y.lane[(2 * l) + 1] = (int16_t)b.lane[l];
    }
    return y;
#elif defined(__BYTE_ORDER__) && (__BYTE_ORDER__ == __ORDER_BIG_ENDIAN__)
    return (shorts$n)((a << 16) | (b & 0xffff));
#else
    return (shorts$n)((a & 0xffff) | (b << 16));
#endif
}

/* sum + (first of a * first of b) + (second of a * second of b) */
static inline ints$n ints${n}_multiply_add_pairs(ints$n sum, shorts$n a, shorts$n b)
{
#if defined(PLAIN_C)
    for (int l = 0; l < LANES$n; l++) {
        sum.lane[l] += (a.lane[2 * l] * b.lane[2 * l]) + (a.lane[(2 * l) + 1] * b.lane[(2 * l) + 1]);
    }
    return sum;
#elif defined(__AVX512VNNI__) && (LANES$n == 16)
    return (ints$n)_mm512_dpwssd_epi32((__m512i)sum, (__m512i)a, (__m512i)b);
#elif defined(__AVX512BW__) && (LANES$n == 16)
    return sum + (ints$n)_mm512_madd_epi16((__m512i)a, (__m512i)b);
#elif defined(__AVX512VNNI__) && defined(__AVX512VL__) && (LANES$n == 8)
    return (ints$n)_mm256_dpwssd_epi32((__m256i)sum, (__m256i)a, (__m256i)b);
#elif defined(__AVX2__) && (LANES$n == 8)
    return sum + (ints$n)_mm256_madd_epi16((__m256i)a, (__m256i)b);
#elif defined(__SSE2__)
    return sum + (ints$n)_mm_madd_epi16((__m128i)a, (__m128i)b);
#elif defined(__wasm_simd128__)
    return sum + (ints$n)wasm_i32x4_dot_i16x8((v128_t)a, (v128_t)b);
#elif defined(__aarch64__)
    const int32x4_t low = vmull_s16(vget_low_s16((int16x8_t)a), vget_low_s16((int16x8_t)b));
    const int32x4_t high = vmull_high_s16((int16x8_t)a, (int16x8_t)b);
    return sum + (ints$n)vpaddq_s32(low, high);
#else
    for (int l = 0; l < LANES$n; l++) {
        sum[l] += (a[2 * l] * b[2 * l]) + (a[(2 * l) + 1] * b[(2 * l) + 1]);
    }
    return sum;
#endif
}

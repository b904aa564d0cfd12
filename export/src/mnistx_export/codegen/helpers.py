"""Small functions of C that kernels call; a file holds those that it needs."""

MINIMUM = {
    "minimum": """
static float minimum(float a, float b)
{
    return (b < a) ? b : a;
}
"""
}

MAXIMUM = {
    "maximum": """
static float maximum(float a, float b)
{
    return (b > a) ? b : a;
}
"""
}

CLAMP_FLOAT = MINIMUM | MAXIMUM

NORMAL_CDF = {
    "normal_cdf": """
/* The normal distribution's share below x, to 3e-7: Abramowitz, Stegun, "Handbook of Mathematical Functions", 7.1.26 */
static float normal_cdf(float x)
{
    const float z = ((x < 0.0f) ? -x : x) * 0.70710678f;
    const float t = 1.0f / (1.0f + (0.3275911f * z));
    const float line = (((((((1.061405429f * t) - 1.453152027f) * t) + 1.421413741f) * t) - 0.284496736f) * t)
                       + 0.254829592f;
    const float tail = 0.5f * line * t * expf(-z * z);
    return (x < 0.0f) ? tail : (1.0f - tail);
}
"""
}

RESCALE = {
    "rescale": """
/* sum * multiplier / 2^shift, rounded half up. C leaves open how negative numbers shift: 2^62 is added for it. */
static int32_t rescale(int32_t sum, int32_t multiplier, int32_t shift)
{
    const int64_t half = (int64_t)1 << (shift - 1);
    const uint64_t offset = (uint64_t)1 << 62;
    const uint64_t product = (uint64_t)(((int64_t)sum * multiplier) + half) + offset;
    return (int32_t)((int64_t)(product >> shift) - (int64_t)(offset >> shift));
}
"""
}

TO_BYTE = {
    "to_byte": """
static uint8_t to_byte(int32_t value, int32_t low, int32_t high)
{
    return (uint8_t)((value < low) ? low : ((value > high) ? high : value));
}
"""
}

REQUANTIZE = RESCALE | TO_BYTE

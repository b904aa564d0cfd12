/* Pillow's Gaussian blur: three box blurs along each side, whose width may be a fraction. */

static float box_radius(double radius)
{
    const float variance = (((float)radius) * ((float)radius)) / 3.0f;
    const float length = (float)square_root((12.0 * (double)variance) + 1.0);
    const float whole = (float)round_down(((double)length - 1.0) / 2.0);
    float rest = ((2.0f * whole) + 1.0f) * ((whole * (whole + 1.0f)) - (3.0f * variance));
    rest /= 6.0f * (variance - ((whole + 1.0f) * (whole + 1.0f)));
    return whole + rest;
}

static void blur_line(uint8_t *line, int32_t count, float radius)
{
    uint8_t source[WORKING_SIDE];
    const int32_t reach = (int32_t)radius;
    const int32_t last = count - 1;
    const uint32_t inner = (uint32_t)(16777216.0f / ((radius * 2.0f) + 1.0f));
    const uint32_t outer = (16777216u - ((uint32_t)((reach * 2) + 1) * inner)) / 2u;
    memcpy(source, line, (size_t)count);
    uint32_t sum = 0u;
    for (int32_t i = -reach - 1; i < reach; i++) {
        sum += source[between(i, 0, last)];
    }
    for (int32_t x = 0; x < count; x++) {
        const uint32_t before = source[larger(x - reach - 1, 0)];
        sum += source[smaller(x + reach, last)];
        sum -= before;
        const uint32_t ends = before + source[smaller(x + reach + 1, last)];
        line[x] = (uint8_t)(((sum * inner) + (ends * outer) + 8388608u) >> 24);
    }
}

static void blur(uint8_t *pixels, int32_t width, int32_t height, double sigma)
{
    const float radius = box_radius(sigma);
    uint8_t line[WORKING_SIDE];
    for (int32_t y = 0; y < height; y++) {
        for (int32_t pass = 0; pass < 3; pass++) {
            blur_line(pixels + (y * width), width, radius);
        }
    }
    for (int32_t x = 0; x < width; x++) {
        for (int32_t y = 0; y < height; y++) {
            line[y] = pixels[(y * width) + x];
        }
        for (int32_t pass = 0; pass < 3; pass++) {
            blur_line(line, height, radius);
        }
        for (int32_t y = 0; y < height; y++) {
            pixels[(y * width) + x] = line[y];
        }
    }
}

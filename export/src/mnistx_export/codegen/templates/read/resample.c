/* Scales one side after the other, as Pillow's resize does, with the weights that it has. */

#define BOX_FILTER 0
#define BILINEAR_FILTER 1
#define BICUBIC_FILTER 2
#define MOST_WEIGHTS 36

static double weight_at(double x, int32_t filter)
{
    const double away = (x < 0.0) ? -x : x;
    if (filter == BOX_FILTER) {
        return ((x > -0.5) && (x <= 0.5)) ? 1.0 : 0.0;
    }
    if (filter == BILINEAR_FILTER) {
        return (away < 1.0) ? (1.0 - away) : 0.0;
    }
    if (away < 1.0) {
        return ((((1.5 * away) - 2.5) * away) * away) + 1.0;
    }
    return (away < 2.0) ? (((((away - 5.0) * away) + 8.0) * away - 4.0) * -0.5) : 0.0;
}

/* The weights of one pixel of the scaled side.
 *
 * size: pixels of the side before. length: of them that are scaled. scaled: pixels of the side then.
 * Returns how many weights there are; first: the pixel of the first one. */
static int32_t weigh(int32_t size, float length, int32_t scaled, int32_t at, int32_t filter, double *weights,
                     int32_t *first)
{
    const double scale = (double)length / (double)scaled;
    const double wide = larger_of(scale, 1.0);
    const double support = wide * ((filter == BOX_FILTER) ? 0.5 : ((filter == BILINEAR_FILTER) ? 1.0 : 2.0));
    const double inverse = 1.0 / wide;
    const double centre = ((double)at + 0.5) * scale;
    const int32_t start = larger((int32_t)(centre - support + 0.5), 0);
    const int32_t count = smaller(smaller((int32_t)(centre + support + 0.5), size) - start, MOST_WEIGHTS);
    double sum = 0.0;
    for (int32_t i = 0; i < count; i++) {
        weights[i] = weight_at(((double)(i + start) - centre + 0.5) * inverse, filter);
        sum += weights[i];
    }
    for (int32_t i = 0; (sum != 0.0) && (i < count); i++) {
        weights[i] /= sum;
    }
    *first = start;
    return count;
}

/* Whether Pillow scales the height first: where it shrinks by much more than the width. */
static int32_t is_height_first(int32_t width, int32_t height, int32_t columns, int32_t rows)
{
    return ((height - rows) > 0) && ((height - rows) > ((width - columns) * 2));
}

/* One side of a picture of bytes by the box filter; `step` apart lie the pixels of a line along it, `next` the lines. */
static void scale_bytes(const uint8_t *source, int32_t size, int32_t step, int32_t count, int32_t next,
                        uint8_t *target, int32_t scaled, int32_t target_step, int32_t target_next)
{
    double weights[MOST_WEIGHTS];
    int32_t fixed[MOST_WEIGHTS];
    for (int32_t at = 0; at < scaled; at++) {
        int32_t first = 0;
        const int32_t taps = weigh(size, (float)size, scaled, at, BOX_FILTER, weights, &first);
        for (int32_t i = 0; i < taps; i++) {
            fixed[i] = (int32_t)(0.5 + (weights[i] * 4194304.0));
        }
        for (int32_t line = 0; line < count; line++) {
            int32_t sum = 2097152;
            for (int32_t i = 0; i < taps; i++) {
                sum += (int32_t)source[(line * next) + ((first + i) * step)] * fixed[i];
            }
            target[(line * target_next) + (at * target_step)] = (uint8_t)between(sum >> 22, 0, 255);
        }
    }
}

/* A square copy of SMALL pixels a side. */
static void copy_small(const uint8_t *picture, int32_t width, int32_t height, uint8_t *middle, uint8_t *copy)
{
    if (is_height_first(width, height, SMALL, SMALL)) {
        scale_bytes(picture, height, width, width, 1, middle, SMALL, width, 1);
        scale_bytes(middle, width, 1, SMALL, width, copy, SMALL, 1, SMALL);
    } else {
        scale_bytes(picture, width, 1, height, width, middle, SMALL, 1, SMALL);
        scale_bytes(middle, height, SMALL, SMALL, 1, copy, SMALL, SMALL, 1);
    }
}

/* One side of a picture of floats; arguments as above. */
static void scale_floats(const float *source, int32_t size, int32_t step, int32_t count, int32_t next, float length,
                         int32_t filter, float *target, int32_t scaled, int32_t target_step, int32_t target_next)
{
    double weights[MOST_WEIGHTS];
    for (int32_t at = 0; at < scaled; at++) {
        int32_t first = 0;
        const int32_t taps = weigh(size, length, scaled, at, filter, weights, &first);
        for (int32_t line = 0; line < count; line++) {
            double sum = 0.0;
            for (int32_t i = 0; i < taps; i++) {
                sum += (double)source[(line * next) + ((first + i) * step)] * weights[i];
            }
            target[(line * target_next) + (at * target_step)] = (float)sum;
        }
    }
}

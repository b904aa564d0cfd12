/* Scales one side after the other to the window that the image is, as Pillow's resize does. */

typedef struct {
    double weights[{{ upper }}_READ_LARGEST + 2];
    int32_t fixed[{{ upper }}_READ_LARGEST + 2];
    uint8_t middle[{{ middle_bytes }}]; /* scaled along one side */
} scaler;

typedef char scaler_fits[(sizeof(scaler) <= READER_BYTES) ? 1 : -1];

static int32_t smaller(int32_t a, int32_t b)
{
    return (b < a) ? b : a;
}

static int32_t larger(int32_t a, int32_t b)
{
    return (b > a) ? b : a;
}

{% if interpolation == "box" %}
static double weight_at(double x)
{
    return ((x > -0.5) && (x <= 0.5)) ? 1.0 : 0.0;
}
{% elif interpolation == "bilinear" %}
static double weight_at(double x)
{
    const double away = (x < 0.0) ? -x : x;
    return (away < 1.0) ? (1.0 - away) : 0.0;
}
{% else %}
static double weight_at(double x)
{
    const double away = (x < 0.0) ? -x : x;
    if (away < 1.0) {
        return ((((1.5 * away) - 2.5) * away) * away) + 1.0;
    }
    return (away < 2.0) ? ((((((away - 5.0) * away) + 8.0) * away) - 4.0) * -0.5) : 0.0;
}
{% endif %}

/* The weights of one pixel of a side that is scaled. Returns how many there are; first: the pixel of the first one. */
static int32_t weigh(scaler *s, int32_t size, int32_t scaled, int32_t at, int32_t *first)
{
    const double scale = (double)size / (double)scaled;
    const double wide = (scale < 1.0) ? 1.0 : scale;
    const double support = {{ support }} * wide;
    const double inverse = 1.0 / wide;
    const double centre = ((double)at + 0.5) * scale;
    const int32_t start = larger((int32_t)(centre - support + 0.5), 0);
    const int32_t count = smaller((int32_t)(centre + support + 0.5), size) - start;
    double sum = 0.0;
    for (int32_t i = 0; i < count; i++) {
        s->weights[i] = weight_at(((double)(i + start) - centre + 0.5) * inverse);
        sum += s->weights[i];
    }
    for (int32_t i = 0; i < count; i++) {
        const double weight = ((sum != 0.0) ? (s->weights[i] / sum) : s->weights[i]) * 4194304.0;
        s->fixed[i] = (int32_t)((weight < 0.0) ? (weight - 0.5) : (weight + 0.5));
    }
    *first = start;
    return count;
}

/* Where numbers lie: the way from one to the next along the side that is scaled, from line to line, and
 * from channel to channel. */
typedef struct {
    ptrdiff_t along;
    ptrdiff_t across;
    ptrdiff_t channel;
} steps;

/* Those of a side's `scaled` pixels from `start` to `end`, in each of `lines` lines. */
static void scale_side(scaler *s, const uint8_t *source, steps from, int32_t size, int32_t lines, uint8_t *target,
                       steps to, int32_t scaled, int32_t start, int32_t end)
{
    for (int32_t at = start; at < end; at++) {
        int32_t first = 0;
        const int32_t taps = weigh(s, size, scaled, at, &first);
        for (int32_t line = 0; line < lines; line++) {
            for (int32_t channel = 0; channel < {{ upper }}_CHANNELS; channel++) {
                const uint8_t *const values =
                    source + (first * from.along) + (line * from.across) + (channel * from.channel);
                int32_t sum = 2097152;
                for (int32_t i = 0; i < taps; i++) {
                    sum += (int32_t)values[i * from.along] * s->fixed[i];
                }
                const int32_t level = (sum < 0) ? 0 : (sum >> 22);
                target[((at - start) * to.along) + (line * to.across) + (channel * to.channel)] =
                    (uint8_t)smaller(level, 255);
            }
        }
    }
}

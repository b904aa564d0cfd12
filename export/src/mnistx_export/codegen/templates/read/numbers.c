/* Numbers: rounding half to even, sums in the order in which numpy adds, square roots. */

static int32_t smaller(int32_t a, int32_t b)
{
    return (b < a) ? b : a;
}

static int32_t larger(int32_t a, int32_t b)
{
    return (b > a) ? b : a;
}

static int32_t between(int32_t value, int32_t low, int32_t high)
{
    return (value < low) ? low : ((value > high) ? high : value);
}

static double larger_of(double a, double b)
{
    return (b > a) ? b : a;
}

static double distance(double a, double b)
{
    return (a > b) ? (a - b) : (b - a);
}

static int32_t round_down(double value)
{
    const int32_t whole = (int32_t)value;
    return (value < (double)whole) ? (whole - 1) : whole;
}

static int32_t round_up(double value)
{
    const int32_t whole = (int32_t)value;
    return (value > (double)whole) ? (whole + 1) : whole;
}

static int32_t round_even(double value)
{
    const int32_t whole = round_down(value);
    const double rest = value - (double)whole;
    return ((rest > 0.5) || ((rest == 0.5) && ((whole & 1) != 0))) ? (whole + 1) : whole;
}

/* Of a number above 0: sqrtf's, and one of Newton's steps. */
static double square_root(double value)
{
    const double near = (double)sqrtf((float)value);
    return (near > 0.0) ? (0.5 * (near + (value / near))) : 0.0;
}

/* At most 128 numbers: eight sums side by side. */
static double sum_block(const double *values, int32_t count)
{
    double sums[8] = {0.0, 0.0, 0.0, 0.0, 0.0, 0.0, 0.0, 0.0};
    const int32_t whole = (count < 8) ? 0 : (count - (count % 8));
    for (int32_t i = 0; i < whole; i++) {
        sums[i % 8] = (i < 8) ? values[i] : (sums[i % 8] + values[i]);
    }
    double sum = ((sums[0] + sums[1]) + (sums[2] + sums[3])) + ((sums[4] + sums[5]) + (sums[6] + sums[7]));
    for (int32_t i = whole; i < count; i++) {
        sum += values[i];
    }
    return sum;
}

/* Halves of more, down to blocks: what is left to add up waits on a stack, and so do the sums of left halves. */
static double sum_doubles(const double *values, int32_t count)
{
    int32_t starts[16];
    int32_t counts[16];
    double sums[16];
    int32_t depths[16];
    int32_t parts = 1;
    int32_t done = 0;
    int32_t depth = 0;
    int32_t left[16];
    starts[0] = 0;
    counts[0] = count;
    left[0] = 0;
    while (parts > 0) {
        parts--;
        const int32_t start = starts[parts];
        const int32_t size = counts[parts];
        depth = left[parts];
        if (size > 128) {
            const int32_t half = (size / 2) - ((size / 2) % 8);
            starts[parts] = start + half;
            counts[parts] = size - half;
            left[parts] = depth + 1;
            starts[parts + 1] = start;
            counts[parts + 1] = half;
            left[parts + 1] = depth + 1;
            parts += 2;
            continue;
        }
        sums[done] = sum_block(values + start, size);
        depths[done] = depth;
        done++;
        while ((done > 1) && (depths[done - 1] == depths[done - 2])) {
            sums[done - 2] += sums[done - 1];
            depths[done - 2]--;
            done--;
        }
    }
    return sums[0];
}

static float sum_block_of_floats(const float *values, int32_t count)
{
    float sums[8] = {0.0f, 0.0f, 0.0f, 0.0f, 0.0f, 0.0f, 0.0f, 0.0f};
    const int32_t whole = (count < 8) ? 0 : (count - (count % 8));
    for (int32_t i = 0; i < whole; i++) {
        sums[i % 8] = (i < 8) ? values[i] : (sums[i % 8] + values[i]);
    }
    float sum = ((sums[0] + sums[1]) + (sums[2] + sums[3])) + ((sums[4] + sums[5]) + (sums[6] + sums[7]));
    for (int32_t i = whole; i < count; i++) {
        sum += values[i];
    }
    return sum;
}

static float sum_two_blocks(const float *values, int32_t count)
{
    const int32_t half = (count / 2) - ((count / 2) % 8);
    return (count > 128) ? (sum_block_of_floats(values, half) + sum_block_of_floats(values + half, count - half))
                         : sum_block_of_floats(values, count);
}

/* At most 400 numbers. */
static float sum_floats(const float *values, int32_t count)
{
    const int32_t half = (count / 2) - ((count / 2) % 8);
    return (count > 128) ? (sum_two_blocks(values, half) + sum_two_blocks(values + half, count - half))
                         : sum_two_blocks(values, count);
}

static void sort_doubles(double *values, int32_t count)
{
    for (int32_t i = 1; i < count; i++) {
        const double value = values[i];
        int32_t at = i;
        while ((at > 0) && (values[at - 1] > value)) {
            values[at] = values[at - 1];
            at--;
        }
        values[at] = value;
    }
}

/* Of sorted numbers. */
static double median_of(const double *values, int32_t count)
{
    const double upper = values[count / 2];
    return ((count % 2) == 1) ? upper : ((values[(count / 2) - 1] + upper) / 2.0);
}

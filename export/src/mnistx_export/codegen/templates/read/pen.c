/* Whether ink is lighter than its ground: from how both kinds of detail stand out on a small copy, and from the edge. */

static void count_levels(const uint8_t *pixels, int32_t count, int32_t *counts)
{
    memset(counts, 0, 256u * sizeof counts[0]);
    for (int32_t i = 0; i < count; i++) {
        counts[pixels[i]]++;
    }
}

/* The level that `rank` pixels lie below or at. */
static int32_t level_of_rank(const int32_t *counts, int32_t rank)
{
    int32_t below = 0;
    for (int32_t level = 0; level < 256; level++) {
        below += counts[level];
        if (below > rank) {
            return level;
        }
    }
    return 255;
}

/* The median of the half of the copy that lies around each of its pixels, from a grid of them. */
static void measure_ground(small_look *s)
{
    memset(s->counts, 0, sizeof s->counts);
    for (int32_t y = 0; y < SMALL; y++) {
        for (int32_t x = 0; x < SMALL; x++) {
            s->counts[1 + ((y * (GRID - 1)) / SMALL)][1 + ((x * (GRID - 1)) / SMALL)][s->copy[(y * SMALL) + x]]++;
        }
    }
    for (int32_t y = 0; y < GRID; y++) {
        for (int32_t x = 0; x < GRID; x++) {
            int32_t sums[256];
            int32_t all = 0;
            for (int32_t level = 0; level < 256; level++) {
                sums[level] = s->counts[y][x][level] + s->counts[y][x + 1][level] + s->counts[y + 1][x][level] +
                              s->counts[y + 1][x + 1][level];
                all += sums[level];
            }
            s->medians[(y * GRID) + x] = (float)level_of_rank(sums, (all - 1) / 2);
        }
    }
    scale_floats(s->medians, GRID, 1, GRID, GRID, (float)GRID, BILINEAR_FILTER, s->columns, SMALL, 1, SMALL);
    scale_floats(s->columns, GRID, SMALL, SMALL, 1, (float)GRID, BILINEAR_FILTER, s->around, SMALL, SMALL, 1);
}

/* How strongly the copy's bright details stand out, from what a square fits into and from the median around them; of
 * its inverse, the dark ones. */
static double measure_details(small_look *s, float sign)
{
    double strength = 0.0;
    top_hat(s->copy, SMALL, SMALL, (double)SMALL, s->hat, s->opened);
    for (int32_t i = 0; i < (SMALL * SMALL); i++) {
        const float level = (sign > 0.0f) ? (float)s->copy[i] : (255.0f - (float)s->copy[i]);
        const float away = sign * (level - s->around[i]);
        const float above = (away > 0.0f) ? away : 0.0f;
        const float detail = ((float)s->hat[i] < above) ? (float)s->hat[i] : above;
        strength += (double)detail * (double)detail;
    }
    return strength;
}

static double edge_as_share(const reader *r)
{
    int32_t counts[256];
    int32_t edge[256];
    count_levels(r->grey, r->width * r->height, counts);
    const int32_t last = (r->width * r->height) - 1;
    const int32_t low = level_of_rank(counts, (int32_t)(0.02 * (double)last));
    const int32_t high = level_of_rank(counts, (int32_t)(0.98 * (double)last));
    memset(edge, 0, sizeof edge);
    for (int32_t x = 0; x < r->width; x++) {
        edge[r->grey[x]]++;
        edge[r->grey[((r->height - 1) * r->width) + x]]++;
    }
    for (int32_t y = 0; y < r->height; y++) {
        edge[r->grey[y * r->width]]++;
        edge[r->grey[(y * r->width) + r->width - 1]]++;
    }
    const int32_t median = level_of_rank(edge, (((r->width + r->height) * 2) - 1) / 2);
    return (double)(median - low) / (double)larger(high - low, 1);
}

static int32_t find_pen(const reader *r, small_look *s)
{
    copy_small(r->grey, r->width, r->height, s->middle, s->copy);
    measure_ground(s);
    const double bright = measure_details(s, 1.0f);
    for (int32_t i = 0; i < (SMALL * SMALL); i++) {
        s->copy[i] = (uint8_t)(255 - s->copy[i]);
    }
    const double dark = measure_details(s, -1.0f);
    return bright > ((bright + dark) * (0.5 + (0.42 * ((2.0 * edge_as_share(r)) - 1.0))));
}

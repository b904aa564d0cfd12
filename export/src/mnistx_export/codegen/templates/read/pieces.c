/* The 8-connected pieces of a mask: labels that meet are joined, the lowest one stays. */

static int32_t root_of(pieces *p, int32_t label)
{
    while (p->parents[label] != (uint16_t)label) {
        p->parents[label] = p->parents[p->parents[label]];
        label = p->parents[label];
    }
    return label;
}

static int32_t join_labels(pieces *p, int32_t one, int32_t other)
{
    if (other < 0) {
        return one;
    }
    const int32_t found = root_of(p, other);
    if (one < 0) {
        return found;
    }
    p->parents[larger(one, found)] = (uint16_t)smaller(one, found);
    return smaller(one, found);
}

static void add_pixel(pieces *p, int32_t label, int32_t x, int32_t y)
{
    int16_t *const bounds = p->boxes[label];
    p->areas[label]++;
    bounds[0] = (int16_t)smaller(bounds[0], x);
    bounds[1] = (int16_t)smaller(bounds[1], y);
    bounds[2] = (int16_t)larger(bounds[2], x + 1);
    bounds[3] = (int16_t)larger(bounds[3], y + 1);
}

/* The pieces of what lies above a level in a picture of up to ROUND_SIDE pixels a side. */
static void find_pieces(pieces *p, const uint8_t *pixels, int32_t width, int32_t height, double level)
{
    int32_t count = 0;
    p->width = width;
    for (int32_t y = 0; y < height; y++) {
        const int16_t *const above = (y > 0) ? (p->labels + ((y - 1) * width)) : NULL;
        int16_t *const row = p->labels + (y * width);
        for (int32_t x = 0; x < width; x++) {
            row[x] = -1;
            if (!((double)pixels[(y * width) + x] > level)) {
                continue;
            }
            int32_t label = ((x > 0) && (row[x - 1] >= 0)) ? root_of(p, row[x - 1]) : -1;
            for (int32_t beside = larger(x - 1, 0); (above != NULL) && (beside <= smaller(x + 1, width - 1)); beside++) {
                label = join_labels(p, label, above[beside]);
            }
            if (label < 0) {
                label = count;
                p->parents[count] = (uint16_t)count;
                count++;
            }
            row[x] = (int16_t)label;
        }
    }
    p->count = 0;
    for (int32_t label = 0; label < count; label++) { /* a label's root is lower, and numbered by then */
        if (p->parents[label] == (uint16_t)label) {
            p->areas[label] = p->count;
            p->count++;
        } else {
            p->areas[label] = p->areas[root_of(p, label)];
        }
    }
    for (int32_t label = 0; label < count; label++) {
        p->parents[label] = (uint16_t)p->areas[label];
    }
    for (int32_t i = 0; i < p->count; i++) {
        p->areas[i] = 0;
        p->boxes[i][0] = p->boxes[i][1] = INT16_MAX;
        p->boxes[i][2] = p->boxes[i][3] = 0;
    }
    for (int32_t y = 0; y < height; y++) {
        for (int32_t x = 0; x < width; x++) {
            int16_t *const label = p->labels + ((y * width) + x);
            if (*label >= 0) {
                *label = (int16_t)p->parents[*label];
                add_pixel(p, *label, x, y);
            }
        }
    }
}

/* How many pieces have some pixels and more. */
static int32_t count_large(const pieces *p, int32_t least)
{
    int32_t found = 0;
    for (int32_t i = 0; i < p->count; i++) {
        found += (p->areas[i] >= least) ? 1 : 0;
    }
    return found;
}

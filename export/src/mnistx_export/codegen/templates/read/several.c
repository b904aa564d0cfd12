/* Whether the heavy pieces are of several digits: side by side, or in rows. */

#define MOST_TALL 64 /* pieces that are looked at */
#define WIDEST 2.3 /* heights: no digit is that wide */

static int32_t is_upright(const int16_t *bounds)
{
    return (bounds[3] - bounds[1]) >= (bounds[2] - bounds[0]);
}

static int32_t are_two_digits(const int16_t *one, const int16_t *two)
{
    const int32_t top = smaller(one[1], two[1]);
    const int32_t bottom = larger(one[3], two[3]);
    const int32_t is_beside = (smaller(one[3], two[3]) > larger(one[1], two[1])) && (two[0] >= one[2]);
    const double width = (double)(larger(one[2], two[2]) - smaller(one[0], two[0]));
    if (is_beside && (width > (1.15 * (double)(bottom - top)))) {
        return 1;
    }
    const double lower = (double)smaller(one[3] - one[1], two[3] - two[1]);
    return ((double)(two[1] - one[3]) >= (0.1 * lower)) && is_upright(one) && is_upright(two);
}

static int32_t are_several(const pieces *p)
{
    int32_t tall[MOST_TALL];
    int32_t count = 0;
    int32_t heaviest = 0;
    int32_t tallest = 0;
    for (int32_t i = 0; i < p->count; i++) {
        heaviest = larger(heaviest, p->weights[i]);
    }
    for (int32_t i = 0; i < p->count; i++) {
        if ((double)p->weights[i] >= (0.35 * (double)heaviest)) {
            tallest = larger(tallest, p->boxes[i][3] - p->boxes[i][1]);
        }
    }
    for (int32_t i = 0; (i < p->count) && (count < MOST_TALL); i++) {
        if (((double)p->weights[i] >= (0.35 * (double)heaviest)) &&
            ((double)(p->boxes[i][3] - p->boxes[i][1]) >= (0.6 * (double)tallest))) {
            tall[count] = i;
            count++;
        }
    }
    for (int32_t i = 0; i < count; i++) {
        for (int32_t j = 0; j < count; j++) {
            if ((i != j) && are_two_digits(p->boxes[tall[i]], p->boxes[tall[j]])) {
                return 1;
            }
        }
    }
    return 0;
}

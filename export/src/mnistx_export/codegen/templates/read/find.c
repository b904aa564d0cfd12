/* Where the digits of a picture are. All distances are in heights of a digit. */

#define MOST_GROUPS {{ upper }}_READ_MOST

typedef struct {
    box at;
    int32_t weight;
    int32_t line;
} group;

typedef struct {
    int32_t count;
    group each[MOST_GROUPS];
    double tall; /* height of most digits */
} groups;

static box box_of_piece(const pieces *p, int32_t i)
{
    const box found = {p->boxes[i][0], p->boxes[i][1], p->boxes[i][2], p->boxes[i][3]};
    return found;
}

static box around(box one, box other)
{
    const box found = {smaller(one.left, other.left), smaller(one.top, other.top), larger(one.right, other.right),
                       larger(one.bottom, other.bottom)};
    return found;
}

/* Pixels between two boxes, along the side where they are farther apart. */
static int32_t gap_between(box one, box other)
{
    const int32_t across = larger(one.left - other.right, other.left - one.right);
    const int32_t down = larger(one.top - other.bottom, other.top - one.bottom);
    return larger(larger(across, down), 0);
}

/* Whether a piece is hollow and holds another that is at least so high, as a printed frame does. */
static int32_t is_frame(const pieces *p, int32_t frame, double least)
{
    const int16_t *const a = p->boxes[frame];
    if ((double)p->areas[frame] >= (0.12 * (double)(a[2] - a[0]) * (double)(a[3] - a[1]))) {
        return 0;
    }
    for (int32_t i = 0; i < p->count; i++) {
        const int16_t *const b = p->boxes[i];
        if (((double)(b[3] - b[1]) >= least) && (a[0] < b[0]) && (a[1] < b[1]) && (a[2] > b[2]) && (a[3] > b[3])) {
            return 1;
        }
    }
    return 0;
}

/* The median of the pieces' heights, each counted by its ink; a frame has none. */
static double height_of_digits(pieces *p)
{
    double weights[WORKING_SIDE + 1];
    double all = 0.0;
    int32_t tallest = 0;
    for (int32_t height = 0; height <= WORKING_SIDE; height++) {
        weights[height] = 0.0;
    }
    for (int32_t i = 0; i < p->count; i++) {
        tallest = larger(tallest, p->boxes[i][3] - p->boxes[i][1]);
    }
    for (int32_t i = 0; i < p->count; i++) {
        if ((p->weights[i] > 0) && is_frame(p, i, 0.1 * (double)tallest)) {
            p->weights[i] = 0;
        }
        weights[p->boxes[i][3] - p->boxes[i][1]] += (double)p->weights[i];
        all += (double)p->weights[i];
    }
    double below = 0.0;
    for (int32_t height = 0; height <= WORKING_SIDE; height++) {
        below += weights[height];
        if (below >= (all / 2.0)) {
            return (double)height;
        }
    }
    return (double)tallest;
}

static int32_t is_large(const pieces *p, int32_t i, double tall)
{
    const double height = (double)(p->boxes[i][3] - p->boxes[i][1]);
    const double width = (double)(p->boxes[i][2] - p->boxes[i][0]);
    return (p->weights[i] > 0) && (height >= (0.4 * tall)) && !((height > (1.8 * tall)) && (width < (0.25 * tall)));
}

/* Adds a small piece to the group that is nearest, if it is close, unless it is a point or a comma at its foot. */
static void add_crumb(groups *g, box at, int32_t weight)
{
    int32_t nearest = -1;
    int32_t least = INT16_MAX;
    for (int32_t i = 0; i < g->count; i++) {
        const int32_t gap = gap_between(g->each[i].at, at);
        if (gap < least) {
            nearest = i;
            least = gap;
        }
    }
    if ((nearest < 0) || ((double)least > (0.2 * g->tall))) {
        return;
    }
    group *const to = g->each + nearest;
    const box both = around(to->at, at);
    const int32_t is_beside = (at.left >= to->at.right) || (at.right <= to->at.left);
    const double head = (double)(at.top - to->at.top);
    if (is_beside && (head >= (0.65 * (double)(to->at.bottom - to->at.top)))) {
        return;
    }
    if ((double)larger(both.right - both.left, both.bottom - both.top) <= (1.35 * g->tall)) {
        to->at = both;
        to->weight += weight;
    }
}

/* Of two that are close: one above the other, as a five and its bar; or a low one beside another, as strokes of a 4. */
static int32_t are_strokes(const groups *g, box one, box other)
{
    const box both = around(one, other);
    const double shared = (double)(smaller(one.right, other.right) - larger(one.left, other.left));
    const double narrower = (double)smaller(one.right - one.left, other.right - other.left);
    const double lower = (double)smaller(one.bottom - one.top, other.bottom - other.top);
    return ((double)gap_between(one, other) <= (0.2 * g->tall)) &&
           ((double)(both.bottom - both.top) <= (1.35 * g->tall)) &&
           ((shared >= (0.5 * narrower)) ||
            ((lower < (0.65 * g->tall)) && ((double)(both.right - both.left) <= (0.9 * g->tall))));
}

static void drop_group(groups *g, int32_t dropped)
{
    g->count--;
    for (int32_t i = dropped; i < g->count; i++) {
        g->each[i] = g->each[i + 1];
    }
}

static void join_strokes(groups *g)
{
    for (int32_t i = 0; i < g->count; i++) {
        for (int32_t j = i + 1; j < g->count; j++) {
            if (are_strokes(g, g->each[i].at, g->each[j].at)) {
                g->each[i].at = around(g->each[i].at, g->each[j].at);
                g->each[i].weight += g->each[j].weight;
                drop_group(g, j);
                j = i;
            }
        }
    }
}

/* The pieces of each digit, together. Returns 0 where they are too many. */
static int32_t group_pieces(const pieces *p, groups *g)
{
    double heaviest = 0.0;
    g->count = 0;
    for (int32_t i = 0; i < p->count; i++) {
        if (!is_large(p, i, g->tall)) {
            continue;
        }
        if (g->count == MOST_GROUPS) {
            return 0;
        }
        g->each[g->count].at = box_of_piece(p, i);
        g->each[g->count].weight = p->weights[i];
        g->count++;
        heaviest = larger_of(heaviest, (double)p->weights[i]);
    }
    for (int32_t i = 0; i < p->count; i++) {
        const int32_t height = p->boxes[i][3] - p->boxes[i][1];
        if (((double)height < (0.4 * g->tall)) && ((double)p->weights[i] >= (0.01 * heaviest))) {
            add_crumb(g, box_of_piece(p, i), p->weights[i]);
        }
    }
    join_strokes(g);
    for (int32_t i = g->count - 1; i >= 0; i--) {
        if ((double)g->each[i].weight < (0.05 * heaviest)) {
            drop_group(g, i);
        }
    }
    return 1;
}

static int32_t is_before(const group *one, const group *other)
{
    return (one->line < other->line) || ((one->line == other->line) && (one->at.left < other->at.left));
}

static void sort_groups(groups *g)
{
    for (int32_t i = 1; i < g->count; i++) {
        const group one = g->each[i];
        int32_t at = i;
        while ((at > 0) && is_before(&one, g->each + at - 1)) {
            g->each[at] = g->each[at - 1];
            at--;
        }
        g->each[at] = one;
    }
}

/* Numbers the lines from top to bottom: from left to right, each digit goes on the line whose last one it overlaps most
 * in height, so that a line may climb or sink. */
static void read_in_order(groups *g)
{
    int32_t last[MOST_GROUPS]; /* of each line */
    double sums[MOST_GROUPS];
    int32_t counts[MOST_GROUPS];
    int32_t ranks[MOST_GROUPS];
    int32_t lines_found = 0;
    for (int32_t i = 0; i < g->count; i++) {
        g->each[i].line = 0;
    }
    sort_groups(g);
    for (int32_t i = 0; i < g->count; i++) {
        const box at = g->each[i].at;
        int32_t best = lines_found;
        double most = 0.4;
        for (int32_t line = 0; line < lines_found; line++) {
            const box before = g->each[last[line]].at;
            const double shared = (double)(smaller(before.bottom, at.bottom) - larger(before.top, at.top));
            const double overlap = shared / (double)smaller(before.bottom - before.top, at.bottom - at.top);
            best = (overlap >= most) ? line : best;
            most = (overlap >= most) ? overlap : most;
        }
        if (best == lines_found) {
            sums[best] = 0.0;
            counts[best] = 0;
            lines_found++;
        }
        last[best] = i;
        sums[best] += (double)(at.top + at.bottom);
        counts[best]++;
        g->each[i].line = best;
    }
    for (int32_t line = 0; line < lines_found; line++) {
        ranks[line] = 0;
        for (int32_t other = 0; other < lines_found; other++) {
            const double here = sums[line] / (double)counts[line];
            const double there = sums[other] / (double)counts[other];
            ranks[line] += ((there < here) || ((there <= here) && (other < line))) ? 1 : 0;
        }
    }
    for (int32_t i = 0; i < g->count; i++) {
        g->each[i].line = ranks[g->each[i].line];
    }
    sort_groups(g);
}

/* A digit's box with paper around it, as far as the next digit. */
static box room_around(const groups *g, int32_t digit, int32_t width, int32_t height)
{
    const box at = g->each[digit].at;
    const int32_t margin = round_even(0.35 * (double)larger(at.bottom - at.top, at.right - at.left));
    box room = {larger(at.left - margin, 0), larger(at.top - margin, 0), smaller(at.right + margin, width),
                smaller(at.bottom + margin, height)};
    for (int32_t i = 0; i < g->count; i++) {
        const box other = g->each[i].at;
        if ((i == digit) || (other.left >= room.right) || (other.right <= room.left) || (other.top >= room.bottom) ||
            (other.bottom <= room.top)) {
            continue;
        }
        if (other.left >= at.right) {
            room.right = smaller(room.right, other.left);
        } else if (other.right <= at.left) {
            room.left = larger(room.left, other.right);
        } else if (other.top >= at.bottom) {
            room.bottom = smaller(room.bottom, other.top);
        } else if (other.bottom <= at.top) {
            room.top = larger(room.top, other.bottom);
        }
    }
    return room;
}

static void write_box(box from, int32_t factor, int32_t width, int32_t height, int32_t *to)
{
    to[0] = from.left * factor;
    to[1] = from.top * factor;
    to[2] = smaller(from.right * factor, width);
    to[3] = smaller(from.bottom * factor, height);
}

int {{ name }}_find(const uint8_t *grey, int32_t width, int32_t height, int32_t *places, void *workspace)
{
    const int32_t status = check_arguments(grey, width, height, (const void *)places, workspace);
    if (status != {{ upper }}_READ_OK) {
        return status;
    }
    reader *const r = (reader *)workspace;
    pieces *const p = &r->memory.found;
    groups found;
    const box all = {0, 0, width, height};
    const int32_t factor = average_down(r, grey, width, all);
    r->is_bright = find_pen(r, &r->scratch.small);
    find_ink(r);
    segment(r);
    if ((r->threshold < 6.0) || (p->count == 0)) {
        return 0;
    }
    found.tall = height_of_digits(p);
    if (!group_pieces(p, &found)) {
        return {{ upper }}_READ_TOO_MANY;
    }
    read_in_order(&found);
    for (int32_t i = 0; i < found.count; i++) {
        write_box(found.each[i].at, factor, width, height, places + (8 * i));
        write_box(room_around(&found, i, r->width, r->height), factor, width, height, places + (8 * i) + 4);
    }
    return found.count;
}

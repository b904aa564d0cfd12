/* What ink may be: all of it, or what is left of it between cuts. The model's answers to all of that compete. */

typedef struct {
    const cut *left; /* NULL for the ink's own end */
    const cut *right;
    int32_t left_wider; /* columns beyond a cut that belong to it, too, as a stroke that two digits share */
    int32_t right_wider;
} span;

/* What the model says of a part. */
typedef struct {
    box at;
    int32_t area;
    int32_t rejected; /* 0, or why it is none */
    double sure; /* the probability from which on the answer is given all the same */
    double penalty; /* of its shape */
    double log_p; /* of the most probable class */
} verdict;

/* The columns of a row between the cuts. */
static void columns_of(const reader *r, const span *s, int32_t y, int32_t *start, int32_t *end)
{
    const int32_t width = r->digit.right - r->digit.left;
    *start = (s->left != NULL) ? larger((int32_t)s->left->left[y] - s->left_wider, 0) : 0;
    *end = (s->right != NULL) ? smaller((int32_t)s->right->right[y] + s->right_wider, width) : width;
}

/* The smallest box around what lies between, in the working picture. Returns how many pixels of ink. */
static int32_t bound_part(const reader *r, const span *s, box *at)
{
    int32_t area = 0;
    at->left = at->top = INT16_MAX;
    at->right = at->bottom = 0;
    for (int32_t y = 0; y < (r->digit.bottom - r->digit.top); y++) {
        int32_t start = 0;
        int32_t end = 0;
        columns_of(r, s, y, &start, &end);
        for (int32_t x = start; x < end; x++) {
            if (is_ink(r, x, y)) {
                at->left = smaller(at->left, r->digit.left + x);
                at->right = larger(at->right, r->digit.left + x + 1);
                at->top = smaller(at->top, r->digit.top + y);
                at->bottom = r->digit.top + y + 1;
                area++;
            }
        }
    }
    return area;
}

/* Its ink, in its box. */
static void take_part(const reader *r, const span *s, box at, part *one)
{
    const int32_t width = at.right - at.left;
    for (int32_t y = at.top; y < at.bottom; y++) {
        int32_t start = 0;
        int32_t end = 0;
        columns_of(r, s, y - r->digit.top, &start, &end);
        for (int32_t x = at.left; x < at.right; x++) {
            const int32_t inside = ((x - r->digit.left) >= start) && ((x - r->digit.left) < end);
            const uint8_t marks = inside ? r->grey[(y * r->width) + x] : (uint8_t)0u;
            const int32_t place = ((y - at.top) * width) + x - at.left;
            one->mask[place] = (uint8_t)(marks & ON_DIGIT);
            one->ink[place] = ((marks & AROUND_DIGIT) != 0u) ? r->ink[(y * r->width) + x] : (uint8_t)0u;
        }
    }
}

/* The logarithm of the calibrated probability of the most probable class. */
static double find_log_p(const uint8_t *image, void *workspace)
{
    float log_probs[{{ upper }}_CLASSES];
    (void){{ name }}_predict(image, log_probs, workspace);
    const float most = log_probs[{{ name }}_argmax(log_probs)];
    float sum = 0.0f;
    for (int32_t c = 0; c < {{ upper }}_CLASSES; c++) {
        sum += expf((log_probs[c] - most) / {{ temperature }});
    }
    return -(double)logf(sum);
}

/* Everything of a part but the model's answer. Returns 0 where there's nothing of it. */
static int32_t prepare_part(reader *r, part *one, const span *s, uint8_t *image, verdict *found)
{
    const double tall = (double)(r->digit.bottom - r->digit.top);
    found->area = bound_part(r, s, &found->at);
    if (found->area == 0) {
        return 0;
    }
    const int32_t width = found->at.right - found->at.left;
    const int32_t height = found->at.bottom - found->at.top;
    take_part(r, s, found->at, one);
    make_image(r, one, width, height, image);
    found->rejected = judge(r, one, found->at, image, &found->sure);
    found->penalty = (6.0 * larger_of(0.0, ((double)width / tall) - 1.0)) +
                     (8.0 * larger_of(0.0, 0.7 - ((double)height / tall))) + ((found->rejected != 0) ? 3.0 : 0.0);
    found->log_p = 0.0;
    return 1;
}

static double ink_of_cuts(const span *s)
{
    return ((s->left != NULL) ? s->left->ink : 0.0) + ((s->right != NULL) ? s->right->ink : 0.0);
}

/* 0, or why the answer to a part is none. */
static int32_t reject(const verdict *found)
{
{% if reject %}
    const int32_t is_sure = found->log_p >= (double)logf((float)found->sure);
    return ((found->rejected != 0) && !is_sure) ? found->rejected : 0;
{% else %}
    (void)found; /* of a model that answers whatever it is shown */
    return 0;
{% endif %}
}

/* The whole, or what is left of it without neighbours that come in from the picture's sides. */
static int32_t compete_at_sides(reader *r, const verdict *whole, uint8_t *image, void *workspace)
{
    cuts *const c = &r->scratch.digit.way;
    const double tall = (double)(r->digit.bottom - r->digit.top);
    uint8_t other[SIDE * SIDE];
    verdict best = *whole;
    double least = (whole->penalty + ((c->count > 0) ? 0.7 : 0.0)) - whole->log_p;
    const int32_t lefts = (r->digit.left == 0) ? c->count : 0;
    const int32_t rights = (r->digit.right == r->width) ? c->count : 0;
    for (int32_t i = -1; i < lefts; i++) {
        for (int32_t j = 0; j <= rights; j++) { /* the last one is the ink's own end */
            span s = {NULL, NULL, 0, 0};
            verdict found;
            s.left = (i < 0) ? NULL : (c->found + c->order[i]);
            s.right = (j == rights) ? NULL : (c->found + c->order[j]);
            if ((s.left == s.right) ||
                ((s.left != NULL) && (s.right != NULL) && (s.left->column >= s.right->column))) {
                continue;
            }
            const double share = 1.0 - ((double)bound_part(r, &s, &found.at) / (double)r->pixels);
            if ((share > 0.6) || ((double)(found.at.bottom - found.at.top) < (0.7 * tall)) ||
                !prepare_part(r, &r->scratch.digit.one, &s, other, &found)) {
                continue;
            }
            found.log_p = find_log_p(other, workspace);
            const double cost = (((4.0 * ink_of_cuts(&s)) + (2.0 * share)) + found.penalty) - found.log_p;
            if (cost < least) {
                least = cost;
                best = found;
                memcpy(image, other, sizeof other);
            }
        }
    }
    if (whole->rejected != 0) {
        best.rejected = whole->rejected;
        best.sure = whole->sure;
    }
    return reject(&best);
}

/* The least cost of what lies between two cuts, alone or with a stroke beyond one that it shares. */
static double cost_of_place(reader *r, span s, int32_t stroke, void *workspace)
{
    uint8_t other[SIDE * SIDE];
    double least = 1e30;
    const int32_t left = ((s.left != NULL) && (s.left->shares != 0)) ? stroke : 0;
    const int32_t right = ((s.right != NULL) && (s.right->shares != 0)) ? stroke : 0;
    for (int32_t wider = 0; wider < 4; wider++) {
        verdict found;
        if ((((wider & 1) != 0) && (left == 0)) || (((wider & 2) != 0) && (right == 0))) {
            continue;
        }
        s.left_wider = ((wider & 1) != 0) ? left : 0;
        s.right_wider = ((wider & 2) != 0) ? right : 0;
        if (!prepare_part(r, &r->scratch.digit.one, &s, other, &found)) {
            continue;
        }
        const double cost = ((4.0 * ink_of_cuts(&s)) + ((wider != 0) ? 0.3 : 0.0)) + found.penalty -
                            find_log_p(other, workspace);
        least = (cost < least) ? cost : least;
    }
    return least;
}

/* The whole against several digits that touch: the cheapest chain of parts. */
static int32_t compete_as_several(reader *r, const verdict *whole, int32_t stroke, void *workspace)
{
    cuts *const c = &r->scratch.digit.way;
    double least[MOST_CUTS + 2];
    const double tall = (double)(r->digit.bottom - r->digit.top);
    const double width = (double)(r->digit.right - r->digit.left);
    const int32_t places = c->count + 1;
    if (places == 1) {
        return reject(whole);
    }
    least[0] = 0.0;
    for (int32_t end = 1; end <= places; end++) {
        least[end] = 1e30;
    }
    for (int32_t start = 0; start < places; start++) {
        for (int32_t end = start + 1; end <= places; end++) {
            span s = {NULL, NULL, 0, 0};
            box at;
            s.left = (start == 0) ? NULL : (c->found + c->order[start - 1]);
            s.right = (end == places) ? NULL : (c->found + c->order[end - 1]);
            if ((bound_part(r, &s, &at) > 0) && (end > (start + 1)) && ((double)(at.right - at.left) > (1.3 * tall))) {
                break;
            }
            const double cost = least[start] + cost_of_place(r, s, stroke, workspace);
            least[end] = (cost < least[end]) ? cost : least[end];
        }
    }
    const double penalty = (1.5 * ((width / tall) - 1.3)) - (6.0 * ((width / tall) - 1.0));
    return (((penalty + whole->penalty) - whole->log_p) <= least[places]) ? reject(whole) : {{ upper }}_READ_SEVERAL;
}

/* The image of the digit. Returns 0, or why there's none. */
static int32_t compete(reader *r, uint8_t *image, void *workspace)
{
    part *const one = &r->scratch.digit.one;
    const span all = {NULL, NULL, 0, 0};
    const int32_t width = r->digit.right - r->digit.left;
    const int32_t height = r->digit.bottom - r->digit.top;
    const int32_t is_wide = (double)width > (1.3 * (double)height);
    const int32_t is_cut_off = (r->digit.left == 0) || (r->digit.right == r->width);
    verdict whole;
    (void)prepare_part(r, one, &all, image, &whole);
    if (is_wide || is_cut_off || (whole.rejected != 0)) {
        whole.log_p = find_log_p(image, workspace);
    }
    if (!is_wide && !is_cut_off) {
        return reject(&whole);
    }
    const double stroke = (stroke_width(one->mask, width, height) * (double)larger(width, height)) / (double)BOX_SIDE;
    find_cuts(r, &r->scratch.digit.way, stroke, one->ink);
    return is_wide ? compete_as_several(r, &whole, round_even(stroke), workspace)
                   : compete_at_sides(r, &whole, image, workspace);
}

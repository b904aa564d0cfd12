/* Which lines are printed: those held at both ends. What is not held is dropped, and the rest asked again. */

/* Whether both ends are at the picture's edge or at a line that crosses. */
static int32_t is_held(const ruling *line, const lines *crossing, int32_t width, double margin)
{
    const double slack = 1.0 + line->thickness;
    const double near = slack + (0.15 * (double)(line->end - line->start));
    int32_t start = (double)line->start <= margin;
    int32_t end = (double)line->end >= ((double)width - margin);
    for (int32_t i = 0; i < crossing->count; i++) {
        const ruling *const other = crossing->each + i;
        const double column = row_at(other, row_at(line, (double)(line->start + line->end) / 2.0));
        const double row = row_at(line, column);
        const double reach = slack + other->thickness;
        if ((((double)other->start - reach) <= row) && (row <= ((double)other->end + reach))) {
            start |= (((double)line->start - reach) <= column) && (column <= ((double)line->start + near));
            end |= (((double)line->end - near) <= column) && (column <= ((double)line->end + reach));
        }
    }
    return (start != 0) && (end != 0);
}

/* Whether a line goes on with a printed one: as long, as thick, and in its row. */
static int32_t goes_on(const ruling *line, const lines *level, const uint8_t *printed)
{
    const double length = (double)(line->end - line->start);
    for (int32_t i = 0; i < level->count; i++) {
        const ruling *const each = level->each + i;
        if ((printed[i] != 0u) &&
            (distance(row_at(each, (double)line->start), row_at(line, (double)line->start)) <=
             (1.0 + line->thickness)) &&
            (distance((double)(each->end - each->start), length) <= (0.1 * length))) {
            return 1;
        }
    }
    return 0;
}

/* Marks the teeth of a comb but for those that part a place in two, as a 1 that stands in it does.
 *
 * at: of each its index, by column. */
static void mark_teeth(ruled *l, const int32_t *at, const double *columns, int32_t count)
{
    double widest = 0.0;
    for (int32_t i = 1; i < count; i++) {
        widest = larger_of(widest, columns[i] - columns[i - 1]);
    }
    if (count > 0) {
        l->teeth[at[0]] = 1u;
        l->teeth[at[count - 1]] = 1u;
    }
    int32_t last = 0;
    for (int32_t i = 1; i < (count - 1); i++) {
        const ruling *const before = l->upright.each + at[last];
        const ruling *const beyond = l->upright.each + at[i + 1];
        const ruling *const line = l->upright.each + at[i];
        const double left = columns[i] - columns[last];
        const double right = columns[i + 1] - columns[i];
        const int32_t is_inside = ((right < left) ? right : left) > (0.25 * widest);
        const int32_t is_lower = (double)(line->end - line->start) <
                                 (0.8 * (double)smaller(before->end - before->start, beyond->end - beyond->start));
        if (!(is_inside || is_lower) || ((columns[i + 1] - columns[last]) > (1.15 * widest))) {
            l->teeth[at[i]] = 1u;
            last = i;
        }
    }
}

/* Drops, of the teeth, low ones that stand unevenly, or alone between two, as strokes of a digit do. Returns how many
 * are left. */
static int32_t drop_low_teeth(const ruled *l, int32_t *at, double *columns, int32_t count)
{
    double widest = 0.0;
    double narrowest = 0.0;
    double lowest = 0.0;
    int32_t low = 0;
    int32_t kept = 0;
    if (count > 0) {
        const ruling *const first = l->upright.each + at[0];
        const ruling *const last = l->upright.each + at[count - 1];
        lowest = 0.8 * (double)smaller(first->end - first->start, last->end - last->start);
    }
    for (int32_t i = 1; i < count; i++) {
        const double place = columns[i] - columns[i - 1];
        const ruling *const line = l->upright.each + at[i];
        widest = larger_of(widest, place);
        narrowest = ((i == 1) || (place < narrowest)) ? place : narrowest;
        low |= (i < (count - 1)) && ((double)(line->end - line->start) < lowest);
    }
    if ((low == 0) || ((count > 3) && (widest <= (1.3 * narrowest)))) {
        return count;
    }
    for (int32_t i = 0; i < count; i++) {
        const ruling *const line = l->upright.each + at[i];
        if ((i == 0) || (i == (count - 1)) || !((double)(line->end - line->start) < lowest)) {
            at[kept] = at[i];
            columns[kept] = columns[i];
            kept++;
        }
    }
    return kept;
}

/* Marks the upright lines that stand on a level one as the teeth of a comb: two of them stand at its ends. */
static void find_teeth(ruled *l, const ruling *base)
{
    int32_t at[MOST_LINES];
    double columns[MOST_LINES];
    int32_t count = 0;
    int32_t standing = 0;
    double first = 0.0;
    double last = 0.0;
    double first_slack = 0.0;
    double last_slack = 0.0;
    for (int32_t i = 0; i < l->upright.count; i++) {
        const ruling *const line = l->upright.each + i;
        const double slack = 2.0 + (1.5 * line->thickness);
        const double column = row_at(line, (double)line->end);
        if (!(distance(row_at(base, column), (double)line->end) <= (slack + base->thickness))) {
            continue;
        }
        if ((standing == 0) || (column < first)) {
            first = column;
            first_slack = slack;
        }
        if ((standing == 0) || (column > last)) {
            last = column;
            last_slack = slack;
        }
        standing++;
        if (line->thickness <= ((1.5 * base->thickness) + 1.0)) {
            int32_t place = count;
            while ((place > 0) && (columns[place - 1] > column)) {
                columns[place] = columns[place - 1];
                at[place] = at[place - 1];
                place--;
            }
            columns[place] = column;
            at[place] = i;
            count++;
        }
    }
    if ((standing >= 2) && ((first - (double)base->start) <= first_slack) &&
        (((double)base->end - last) <= last_slack)) {
        mark_teeth(l, at, columns, drop_low_teeth(l, at, columns, count));
    }
}

/* The least thickness, or slope, up to which half of the length of the kept lines lies; 0 of none.
 *
 * first, past: of the directions, level and upright. */
static double usual_of(const ruled *l, int32_t first, int32_t past, int32_t is_slope)
{
    const lines *const both[2] = {&l->level, &l->upright};
    double half = 0.0;
    double usual = 0.0;
    int32_t any = 0;
    for (int32_t side = first; side < past; side++) {
        for (int32_t i = 0; i < both[side]->count; i++) {
            half += (l->kept[side][i] != 0u) ? (double)(both[side]->each[i].end - both[side]->each[i].start) : 0.0;
        }
    }
    half /= 2.0;
    for (int32_t side = first; side < past; side++) {
        for (int32_t i = 0; i < both[side]->count; i++) {
            const double value = (is_slope != 0) ? both[side]->each[i].slope : both[side]->each[i].thickness;
            double up_to = 0.0;
            for (int32_t other = first; other < past; other++) {
                for (int32_t j = 0; j < both[other]->count; j++) {
                    const ruling *const each = both[other]->each + j;
                    up_to += ((l->kept[other][j] != 0u) &&
                              (((is_slope != 0) ? each->slope : each->thickness) <= value))
                                 ? (double)(each->end - each->start)
                                 : 0.0;
                }
            }
            if ((l->kept[side][i] != 0u) && (up_to >= half) && ((any == 0) || (value < usual))) {
                usual = value;
                any = 1;
            }
        }
    }
    return usual;
}

/* Drops strokes of a pen: lines much thicker than print of theirs is, or thicker and askew. */
static void drop_strokes_of_pen(ruled *l)
{
    const lines *const both[2] = {&l->level, &l->upright};
    const double thickness = usual_of(l, 0, 2, 0);
    for (int32_t side = 0; side < 2; side++) {
        const double slope = usual_of(l, side, side + 1, 1);
        for (int32_t i = 0; i < both[side]->count; i++) {
            const ruling *const line = both[side]->each + i;
            const int32_t is_print = (line->thickness <= ((1.5 * thickness) + 1.0)) &&
                                     ((line->thickness < (1.25 * thickness)) || (distance(line->slope, slope) <= 0.03));
            l->kept[side][i] = (uint8_t)((l->kept[side][i] != 0u) && (is_print != 0));
        }
    }
}

/* Returns whether all were kept. */
static int32_t keep_lines(lines *found, const uint8_t *kept)
{
    int32_t count = 0;
    for (int32_t i = 0; i < found->count; i++) {
        if (kept[i] != 0u) {
            found->each[count] = found->each[i];
            count++;
        }
    }
    const int32_t all = count == found->count;
    found->count = count;
    return all;
}

static void keep_printed(ruled *l, int32_t width, int32_t height, const line_sizes *sizes)
{
    int32_t all = 0;
    while (!all) {
        uint8_t printed[MOST_LINES];
        memset(l->teeth, 0, sizeof l->teeth);
        for (int32_t i = 0; i < l->level.count; i++) {
            const ruling *const line = l->level.each + i;
            find_teeth(l, line);
            printed[i] = (uint8_t)(((double)(line->end - line->start) >= sizes->held) &&
                                   is_held(line, &l->upright, width, 0.03 * (double)width));
        }
        for (int32_t i = 0; i < l->upright.count; i++) {
            const ruling *const line = l->upright.each + i;
            l->kept[1][i] = (uint8_t)((l->teeth[i] != 0u) || (((double)(line->end - line->start) >= sizes->held) &&
                                                              is_held(line, &l->level, height, 0.0)));
        }
        for (int32_t i = 0; i < l->level.count; i++) {
            l->kept[0][i] = (uint8_t)((printed[i] != 0u) || goes_on(l->level.each + i, &l->level, printed));
        }
        drop_strokes_of_pen(l);
        const int32_t all_level = keep_lines(&l->level, l->kept[0]);
        const int32_t all_upright = keep_lines(&l->upright, l->kept[1]);
        all = all_level && all_upright;
    }
}

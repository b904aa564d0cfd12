/* The ink apart from its ground: without printed lines, in pieces. */

/* Lines of another darkness are looked for in what is left. */
static void remove_lines(reader *r)
{
    const int32_t count = r->width * r->height;
    const line_sizes sizes = sizes_of_lines(r);
    r->threshold = find_threshold(r->ink, count);
    for (int32_t time = 0; time < 2; time++) {
        const double level = r->threshold * ((time == 0) ? 1.0 : 0.5);
        for (int32_t i = 0; i < count; i++) {
            r->memory.lines.mask[i] = (uint8_t)((double)r->ink[i] > level);
        }
        find_lines(&r->memory.lines, r->width, r->height, &sizes);
        close_frames(&r->memory.lines, r->width, r->height);
        keep_printed(&r->memory.lines, r->width, r->height, &sizes);
        if ((r->memory.lines.level.count + r->memory.lines.upright.count) == 0) {
            continue;
        }
        erase_lines(&r->memory.lines, r->ink, r->width, r->height, r->grey);
        const double lower = find_threshold(r->grey, count);
        find_pieces(&r->memory.found, r->grey, r->width, r->height, lower);
        int32_t tallest = 0;
        for (int32_t i = 0; i < r->memory.found.count; i++) {
            tallest = larger(tallest, (int32_t)r->memory.found.boxes[i][3] - (int32_t)r->memory.found.boxes[i][1]);
        }
        if ((double)tallest < sizes.rest) {
            break;
        }
        memcpy(r->ink, r->grey, (size_t)count);
        r->threshold = lower;
    }
}

/* The ink of each piece; none of those that lie along the picture's edge, as a frame does. */
static void weigh_pieces(const reader *r, pieces *p)
{
    const int32_t band = larger(2, round_even(room_of(r) * 0.05));
    int32_t any = 0;
    for (int32_t i = 0; i < p->count; i++) {
        p->weights[i] = 0;
        p->inside[i] = 0;
    }
    for (int32_t y = 0; y < r->height; y++) {
        for (int32_t x = 0; x < r->width; x++) {
            const int32_t label = p->labels[(y * r->width) + x];
            if (label < 0) {
                continue;
            }
            p->weights[label] += r->ink[(y * r->width) + x];
            p->inside[label] +=
                ((x >= band) && (x < (r->width - band)) && (y >= band) && (y < (r->height - band))) ? 1 : 0;
        }
    }
    for (int32_t i = 0; i < p->count; i++) {
        any |= (p->inside[i] * 2) >= p->areas[i];
    }
    for (int32_t i = 0; (any != 0) && (i < p->count); i++) {
        p->weights[i] = ((p->inside[i] * 2) >= p->areas[i]) ? p->weights[i] : 0;
    }
}

static void segment(reader *r)
{
    remove_lines(r);
    find_pieces(&r->memory.found, r->ink, r->width, r->height, r->threshold);
    weigh_pieces(r, &r->memory.found);
}

/* Takes lines out of the ink; strokes that cross them are left standing. */

static int32_t is_near(const uint8_t *marks, int32_t count, int32_t at, int32_t by)
{
    int32_t found = 0;
    for (int32_t i = larger(at - by, 0); i <= smaller(at + by, count - 1); i++) {
        found |= marks[i];
    }
    return found != 0;
}

/* mask: of the line's direction. erased: 0 is written; `along` apart lie its columns, `across` its rows. */
static void erase_line(const uint8_t *mask, int32_t width, int32_t height, const ruling *line, uint8_t *erased,
                       int32_t along, int32_t across)
{
    uint8_t above[WORKING_SIDE];
    uint8_t below[WORKING_SIDE];
    const int32_t count = line->end - line->start;
    const double half = (line->thickness / 2.0) + 1.0;
    const int32_t slack = round_up(line->thickness) + 1;
    for (int32_t i = 0; i < count; i++) {
        const int32_t column = line->start + i;
        const double middle = line->height + (line->slope * (double)column);
        const int32_t top = round_even(middle - half);
        const int32_t bottom = round_even(middle + half);
        above[i] = (uint8_t)((top > 0) && (mask[(between(top - 1, 0, height - 1) * width) + column] != 0u));
        below[i] =
            (uint8_t)((bottom < (height - 1)) && (mask[(between(bottom + 1, 0, height - 1) * width) + column] != 0u));
    }
    for (int32_t i = 0; i < count; i++) {
        if (((above[i] != 0u) && is_near(below, count, i, slack)) ||
            ((below[i] != 0u) && is_near(above, count, i, slack))) {
            continue;
        }
        const int32_t column = line->start + i;
        const double middle = line->height + (line->slope * (double)column);
        const int32_t bottom = smaller(round_even(middle + half), height - 1);
        for (int32_t row = larger(round_even(middle - half), 0); row <= bottom; row++) {
            erased[(row * across) + (column * along)] = 0u;
        }
    }
}

/* The ink of `source` above a level without the lines, to `target`. */
static void erase_lines(const ruled *l, const uint8_t *source, int32_t width, int32_t height, uint8_t *target)
{
    memcpy(target, source, (size_t)(width * height));
    for (int32_t i = 0; i < l->level.count; i++) {
        erase_line(l->mask, width, height, l->level.each + i, target, 1, width);
    }
    for (int32_t i = 0; i < l->upright.count; i++) {
        erase_line(l->across, height, width, l->upright.each + i, target, width, 1);
    }
}

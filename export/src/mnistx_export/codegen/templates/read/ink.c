/* How far each pixel stands out from the ground. */

/* The more noise there is, the wider the blur; a clean picture stays as it is. */
static void smooth(reader *r, double room)
{
    int64_t sum = 0;
    int64_t count = 0;
    for (int32_t y = 0; y < r->height; y += 4) {
        const uint8_t *const row = r->grey + (y * r->width);
        for (int32_t x = 1; x < (r->width - 1); x++) {
            const int32_t bend = ((int32_t)row[x] * 2) - (int32_t)row[x - 1] - (int32_t)row[x + 1];
            sum += (bend < 0) ? -bend : bend;
            count++;
        }
    }
    const double noise = (count > 0) ? (((double)sum / (double)count) / 8.0) : 0.0;
    const double radius = (room / 150.0) * ((noise < 2.0) ? noise : 2.0);
    if (!(radius < 0.3)) {
        blur(r->grey, r->width, r->height, radius);
    }
}

/* Of dark ink, the share of light that it takes from the paper counts: as much in a shadow as beside it. */
static void find_ink(reader *r)
{
    const int32_t count = r->width * r->height;
    const double room = room_of(r);
    smooth(r, room);
    if (r->is_bright) {
        top_hat(r->grey, r->width, r->height, room, r->ink, r->scratch.hat);
        return;
    }
    for (int32_t i = 0; i < count; i++) {
        r->grey[i] = (uint8_t)(255 - r->grey[i]);
    }
    top_hat(r->grey, r->width, r->height, room, r->ink, r->scratch.hat);
    for (int32_t i = 0; i < count; i++) {
        const int32_t ink = r->ink[i];
        const float share = 255.0f / (float)larger((255 - (int32_t)r->grey[i]) + ink, 32);
        r->ink[i] = (uint8_t)round_even((double)((float)ink * share));
    }
}

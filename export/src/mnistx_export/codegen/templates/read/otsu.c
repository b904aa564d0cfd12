/* The level that separates ink from ground: the largest variance between two classes (Otsu 1979). */

/* The mean of all best levels. */
static double find_threshold(const uint8_t *ink, int32_t count)
{
    int32_t counts[256];
    double spread[256];
    count_levels(ink, count, counts);
    double all = 0.0;
    double all_mass = 0.0;
    for (int32_t level = 0; level < 256; level++) {
        all += (double)counts[level];
        all_mass += (double)counts[level] * (double)level;
    }
    double below = 0.0;
    double mass = 0.0;
    double most = -1.0;
    for (int32_t level = 0; level < 256; level++) {
        below += (double)counts[level];
        mass += (double)counts[level] * (double)level;
        const double rest = all - below;
        const double gap = (mass * rest) - ((all_mass - mass) * below);
        spread[level] = (gap * gap) / larger_of(below * rest, 1.0);
        most = larger_of(most, spread[level]);
    }
    int32_t sum = 0;
    int32_t best = 0;
    for (int32_t level = 0; level < 256; level++) {
        if (spread[level] == most) {
            sum += level;
            best++;
        }
    }
    return (double)sum / (double)larger(best, 1);
}

/* Share of the variance of the grey levels that lies between ink and ground. */
static double find_distinctness(const uint8_t *ink, int32_t count, double threshold)
{
    int32_t counts[256];
    int64_t inked = 0;
    int64_t inked_mass = 0;
    int64_t mass = 0;
    count_levels(ink, count, counts);
    for (int32_t level = 0; level < 256; level++) {
        mass += (int64_t)counts[level] * level;
        if ((double)level > threshold) {
            inked += counts[level];
            inked_mass += (int64_t)counts[level] * level;
        }
    }
    if ((inked == 0) || (inked == count)) {
        return 0.0;
    }
    const double share = (double)inked / (double)count;
    const double gap = ((double)inked_mass / (double)inked) - ((double)(mass - inked_mass) / (double)(count - inked));
    const double mean = (double)mass / (double)count;
    double variance = 0.0;
    for (int32_t level = 0; level < 256; level++) {
        variance += (double)counts[level] * (((double)level - mean) * ((double)level - mean));
    }
    return (share * (1.0 - share) * gap * gap) / (variance / (double)count);
}

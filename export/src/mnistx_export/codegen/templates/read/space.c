/* Where everything lies: one place in the workspace for each, shared by what isn't needed at the same time. */

#define WORKING_SIDE 256 /* pixels of the longer side of what is worked on */
#define PIXELS (WORKING_SIDE * WORKING_SIDE)
#define ROUND_SIDE (WORKING_SIDE + 2) /* with a ring of ground around */
#define MOST_PIECES ((ROUND_SIDE / 2) * (ROUND_SIDE / 2)) /* one in each square of 2x2 */
#define HAT_SIDE (WORKING_SIDE + 78) /* with what the largest square reaches over */
#define SMALL 96 /* pixels a side of the copy on which it is decided what ink is */
#define GRID 5 /* places a side at which its ground is measured */
#define THICK_SIDE (WORKING_SIDE + 32) /* with what strokes are thickened by */
#define SWERVE (WORKING_SIDE / 4) /* of a cut, to either side */
#define MOST_WAYS 24 /* cuts that are tried */
#define MOST_WALLS 24 /* strokes between two holes */
#define MOST_CUTS (MOST_WAYS + MOST_WALLS)
#define MOST_RUNS 4000
#define MOST_LINES 256 /* in either direction */
#define SLOPES 21
#define MOST_ROWS 340 /* that level lines through the picture have at its left side */

typedef struct {
    int32_t left;
    int32_t top;
    int32_t right;
    int32_t bottom;
} box;

/* 8-connected pieces of a mask, in the order of their first pixels. */
typedef struct {
    int32_t count;
    int32_t width;
    int32_t areas[MOST_PIECES];
    int32_t inside[MOST_PIECES]; /* pixels away from the picture's edge */
    int32_t weights[MOST_PIECES]; /* of their ink */
    int16_t boxes[MOST_PIECES][4]; /* left, top, right, bottom */
    int16_t labels[ROUND_SIDE * ROUND_SIDE]; /* -1 on the ground */
    uint16_t parents[MOST_PIECES];
    uint8_t chosen[MOST_PIECES];
} pieces;

/* A straight line of ink, level; or upright, where it belongs to a transposed mask. */
typedef struct {
    double height; /* row of its middle at column 0 */
    double slope;
    double thickness;
    int32_t start;
    int32_t end;
} ruling;

typedef struct {
    int32_t count;
    ruling each[MOST_LINES];
} lines;

typedef struct {
    double sums[MOST_RUNS];
    int32_t votes[SLOPES * MOST_ROWS];
    int16_t rows[MOST_RUNS];
    int16_t starts[MOST_RUNS];
    int16_t ends[MOST_RUNS];
    uint8_t left[MOST_RUNS];
    uint8_t near_by[MOST_RUNS];
    uint8_t mask[PIXELS];
    uint8_t across[PIXELS]; /* the mask, transposed */
    uint8_t thin[PIXELS];
    lines level;
    lines upright;
    uint8_t kept[2][MOST_LINES];
    uint8_t teeth[MOST_LINES];
} ruled;

/* A way from top to bottom: of each row the first column that may belong to what is on its right, and past the last
 * one that may belong to what is on its left. */
typedef struct {
    double ink; /* that it goes through, in heights of a digit */
    double column; /* on average */
    int16_t left[WORKING_SIDE];
    int16_t right[WORKING_SIDE];
    int32_t shares; /* it may go along a stroke of both sides */
} cut;

typedef struct {
    cut found[MOST_CUTS];
    int32_t order[MOST_CUTS]; /* of those that are kept, from left to right */
    int32_t count;
    float costs[2][(2 * SWERVE) + 1];
    int8_t steps[WORKING_SIDE][(2 * SWERVE) + 1];
    uint8_t narrow[PIXELS]; /* where a run of ink is no wider than a stroke */
} cuts;

typedef struct {
    uint8_t mask[PIXELS];
    uint8_t ink[THICK_SIDE * THICK_SIDE];
    float columns[THICK_SIDE * 20]; /* scaled along one side */
    float scaled[20 * 20];
    float sorted[20 * 20];
} part;

/* What ink may be. */
typedef struct {
    uint8_t copy[SMALL * SMALL];
    uint8_t hat[SMALL * SMALL];
    uint8_t middle[SMALL * WORKING_SIDE];
    int32_t counts[GRID + 1][GRID + 1][256];
    float medians[GRID * GRID];
    float columns[GRID * SMALL];
    float around[SMALL * SMALL];
    uint8_t opened[(SMALL + 30) * SMALL];
} small_look;

typedef struct {
    int32_t width; /* of the working picture */
    int32_t height;
    double threshold; /* level of ink */
    double distinctness;
    box digit; /* in the working picture */
    int32_t pixels; /* of its ink */
    double full; /* level of ink that covers a pixel */
    int32_t is_bright;
    float levels[256]; /* how much of a pixel ink of a grey level covers */
    uint8_t grey[PIXELS]; /* the working picture; then the ink without lines; then where the digit is, and around it */
    uint8_t ink[PIXELS];
    union {
        pieces found;
        ruled lines;
    } memory;
    union {
        uint8_t hat[HAT_SIDE * WORKING_SIDE];
        struct {
            cuts way;
            part one;
        } digit;
        small_look small;
    } scratch;
} reader;

#define ON_DIGIT 1u
#define AROUND_DIGIT 2u

/* The workspace is as large as the header says: this array has no elements otherwise, which doesn't compile. */
typedef uint8_t reader_fits[(sizeof(reader) <= READER_BYTES) ? 1 : -1];

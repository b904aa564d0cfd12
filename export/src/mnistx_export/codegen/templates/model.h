/* {{ name }}: an image classifier, written by mnistx {{ version }} for target "{{ target }}". Plain C99; also C++. */
#ifndef {{ upper }}_H
#define {{ upper }}_H

#include <stdint.h>

#define {{ upper }}_CHANNELS {{ channels }}
#define {{ upper }}_HEIGHT {{ height }}
#define {{ upper }}_WIDTH {{ width }}
#define {{ upper }}_CLASSES {{ classes }}
#define {{ upper }}_WORKSPACE_BYTES {{ workspace_bytes or 16 }}

#define {{ upper }}_OK 0
#define {{ upper }}_BAD_ARGUMENT (-1)

#ifdef __cplusplus
extern "C" {
#endif

/* The logarithm of each class's probability.
 *
 * image: {{ upper }}_CHANNELS x {{ upper }}_HEIGHT x {{ upper }}_WIDTH pixels, 0 to 255, channel by channel, row by row.
 * log_probs: {{ upper }}_CLASSES numbers, written.
 * workspace: {{ upper }}_WORKSPACE_BYTES bytes, aligned to 16, of any content; two calls at a time need one each.
 *
 * Returns {{ upper }}_OK, or {{ upper }}_BAD_ARGUMENT where a pointer is null or the workspace isn't aligned. */
int {{ name }}_predict(const uint8_t *image, float *log_probs, void *workspace);

/* The place of the largest of {{ upper }}_CLASSES numbers, the first of several. */
int {{ name }}_argmax(const float *log_probs);

/* The names of the classes, in UTF-8. */
extern const char *const {{ name }}_class_names[{{ upper }}_CLASSES];

/* What the model is, as JSON, and the SHA-256 of its .h and .c, in hexadecimal. */
extern const char {{ name }}_metadata[];
extern const char {{ name }}_payload_sha256[];

#ifndef {{ upper }}_NO_SELFTEST
/* Whether this build answers golden images as the trained model did: {{ upper }}_OK, {{ upper }}_BAD_ARGUMENT, or the
 * number of the first image, from 1, that it answers otherwise. Workspace as above. */
int {{ name }}_selftest(void *workspace);
#endif

#ifdef __cplusplus
}
#endif

#endif

/* Runs the self-test, then answers images that come over the serial line: raw pixels, channel by channel. */
#include <Arduino.h>
#include <{{ name }}.h>

static uint8_t image[{{ upper }}_CHANNELS * {{ upper }}_HEIGHT * {{ upper }}_WIDTH];
alignas(16) static uint8_t workspace[{{ upper }}_WORKSPACE_BYTES];
static float log_probs[{{ upper }}_CLASSES];

void setup()
{
    Serial.begin(115200);
    Serial.setTimeout(10000);
    while (!Serial) {
    }
    Serial.print("self-test: ");
    Serial.println({{ name }}_selftest(workspace));
}

void loop()
{
    if (Serial.available() == 0 || Serial.readBytes((char *)image, sizeof image) != sizeof image) {
        return;
    }
    {{ name }}_predict(image, log_probs, workspace);
    const int best = {{ name }}_argmax(log_probs);
    Serial.print({{ name }}_class_names[best]);
    Serial.print(" ");
    Serial.println(log_probs[best], 6);
}

/* What a Cortex-M needs before main: its vectors, and a floating-point unit that is on. */
#include <stdint.h>

extern uint32_t stack_top;
extern void _mainCRTStartup(void);
void reset(void);

__attribute__((section(".vectors"), used)) static const uintptr_t vectors[2] = {(uintptr_t)&stack_top, (uintptr_t)&reset};

void reset(void)
{
#ifdef __ARM_FP
    *(volatile uint32_t *)0xE000ED88 |= 0xFu << 20; /* CPACR: access to coprocessors 10 and 11 */
    __asm volatile("dsb\n\tisb");
#endif
    _mainCRTStartup();
}

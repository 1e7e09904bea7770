/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "vmm/machine/x86/power.h"

#include <errno.h>
#include <pthread.h>
#include <time.h>

#include "vmm/base/bytes.h"
#include "vmm/base/memory.h"
#include "vmm/machine/x86/layout.h"
#include "vmm/protocol/machine.h"

enum {
    PM1_POWER_BUTTON = 1 << 8, /* in status and enable */
    PM1_SLEEP_BUTTON = 1 << 9,
    PM1_ALARM = 1 << 10,
    PM1_ENABLE_BITS = 0x0721, /* all that exist: drivers read back what they set */

    PM1_CONTROL_SCI_ENABLED = 1 << 0,
    PM1_CONTROL_SLEEP_TYPE = 10, /* shift, three bits */
    PM1_CONTROL_SLEEP_ENABLE = 1 << 13,
    PM1_CONTROL_KEPT = 0x1c03, /* sleep type, bus master reload, SCI */

    PM_TIMER_HZ = 3579545,

    I8042_COMMAND_RESET = 0xfe,
    PANIC_EVENT = 1 << 0, /* the only event that we name */
    RESET_CPU = 1 << 2,
};

struct power {
    struct vm *vm;
    pthread_mutex_t lock;
    uint16_t status;
    uint16_t enable;
    uint16_t control;
    uint8_t reset;
    bool level; /* of the SCI */
};

static void
update_sci(struct power *power)
{
    bool level = (power->status & power->enable) != 0;

    if (level != power->level) {
        power->level = level;
        vm_set_line(power->vm, X86_PIN_SCI, level);
    }
}

static void
reset_machine(struct power *power)
{
    vm_end(power->vm, MACHINE_END_RESET, NULL, NULL);
}

static void
write_control(struct power *power, uint16_t value)
{
    power->control = value & PM1_CONTROL_KEPT;
    if ((value & PM1_CONTROL_SLEEP_ENABLE) &&
        ((value >> PM1_CONTROL_SLEEP_TYPE) & 7) == POWER_SLEEP_TYPE_S5) {
        vm_end(power->vm, MACHINE_END_POWEROFF, NULL, NULL);
    }
}

static uint32_t
timer_value(void)
{
    struct timespec now;

    clock_gettime(CLOCK_MONOTONIC, &now);
    return (uint32_t)((uint64_t)now.tv_sec * PM_TIMER_HZ +
                      (uint64_t)now.tv_nsec * PM_TIMER_HZ / 1000000000);
}

/* The block as bytes, so that any access width at any offset works. */
static void
read_block(const struct power *power, uint8_t ret_bytes[12])
{
    store_le16(ret_bytes, power->status);
    store_le16(ret_bytes + 2, power->enable);
    store_le16(ret_bytes + 4, power->control | PM1_CONTROL_SCI_ENABLED);
    store_le16(ret_bytes + 6, 0);
    store_le32(ret_bytes + 8, timer_value());
}

static uint64_t
power_read(void *data, uint64_t offset, unsigned int size)
{
    struct power *power = data;
    uint8_t bytes[12 + 8] = {0};

    pthread_mutex_lock(&power->lock);
    read_block(power, bytes);
    pthread_mutex_unlock(&power->lock);
    return offset < 12 ? load_le64(bytes + offset) : 0;
}

static void
power_write(void *data, uint64_t offset, unsigned int size, uint64_t value)
{
    struct power *power = data;

    pthread_mutex_lock(&power->lock);
    for (unsigned int i = 0; i < size; i++) {
        uint16_t byte = (uint16_t)((value >> (i * 8)) & 0xff);

        switch (offset + i) {
        case 0:
            power->status &= (uint16_t)~byte; /* ones clear */
            break;
        case 1:
            power->status &= (uint16_t) ~(byte << 8);
            break;
        case 2:
            power->enable = (uint16_t)((power->enable & 0xff00) | byte) & PM1_ENABLE_BITS;
            break;
        case 3:
            power->enable = (uint16_t)((power->enable & 0xff) | byte << 8) & PM1_ENABLE_BITS;
            break;
        case 4:
            power->control = (uint16_t)((power->control & 0xff00) | byte) & PM1_CONTROL_KEPT;
            break;
        case 5:
            write_control(power, (uint16_t)((power->control & 0xff) | byte << 8));
            break;
        default:
            break; /* the timer is read-only */
        }
    }
    update_sci(power);
    pthread_mutex_unlock(&power->lock);
}

static const struct vm_range_ops power_ops = {.read = power_read, .write = power_write};

static uint64_t
i8042_read(void *data, uint64_t offset, unsigned int size)
{
    return 0;
}

static void
i8042_write(void *data, uint64_t offset, unsigned int size, uint64_t value)
{
    if ((value & 0xff) == I8042_COMMAND_RESET) {
        reset_machine(data);
    }
}

static const struct vm_range_ops i8042_ops = {.read = i8042_read, .write = i8042_write};

static uint64_t
panic_read(void *data, uint64_t offset, unsigned int size)
{
    return PANIC_EVENT;
}

static void
panic_write(void *data, uint64_t offset, unsigned int size, uint64_t value)
{
    struct power *power = data;

    if (value & PANIC_EVENT) {
        vm_end(power->vm, MACHINE_END_PANIC, "guest-panic", "The guest's kernel panicked.");
    }
}

static const struct vm_range_ops panic_ops = {.read = panic_read, .write = panic_write};

static void
press(struct power *power, uint16_t event)
{
    pthread_mutex_lock(&power->lock);
    power->status |= event;
    update_sci(power);
    pthread_mutex_unlock(&power->lock);
}

void
power_press_button(struct power *power)
{
    press(power, PM1_POWER_BUTTON);
}

void
power_press_sleep_button(struct power *power)
{
    press(power, PM1_SLEEP_BUTTON);
}

void
power_tell_alarm(struct power *power)
{
    press(power, PM1_ALARM);
}

void
power_write_reset(struct power *power, uint8_t value)
{
    bool reset;

    pthread_mutex_lock(&power->lock);
    reset = (value & RESET_CPU) && !(power->reset & RESET_CPU);
    power->reset = value;
    pthread_mutex_unlock(&power->lock);
    if (reset) {
        reset_machine(power);
    }
}

uint8_t
power_read_reset(struct power *power)
{
    uint8_t value;

    pthread_mutex_lock(&power->lock);
    value = power->reset;
    pthread_mutex_unlock(&power->lock);
    return value;
}

struct power *
power_create(struct vm *vm)
{
    struct power *power = xalloc(sizeof(*power));
    int r;

    *power = (struct power){.vm = vm};
    pthread_mutex_init(&power->lock, NULL);
    r = vm_add_range(vm, VM_SPACE_PORT, X86_PORT_PM_EVENT, 12, "acpi-pm", &power_ops, power);
    if (r == 0) {
        r = vm_add_range(vm, VM_SPACE_PORT, X86_PORT_I8042_COMMAND, 1, "i8042", &i8042_ops, power);
    }
    if (r == 0) {
        r = vm_add_range(vm, VM_SPACE_PORT, X86_PORT_PANIC, 1, "pvpanic", &panic_ops, power);
    }
    if (r < 0) {
        power_destroy(power);
        errno = -r;
        return NULL;
    }
    return power;
}

void
power_destroy(struct power *power)
{
    if (!power) {
        return;
    }
    pthread_mutex_destroy(&power->lock);
    free(power);
}

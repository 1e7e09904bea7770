/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "vmm/devices/input/config.h"

#include <linux/input-event-codes.h>
#include <linux/input.h>
#include <string.h>

#include "vmm/base/bytes.h"
#include "vmm/protocol/input.h"

/* Codes `first` to `last` of one event type. */
struct codes {
    uint16_t type;
    uint16_t first;
    uint16_t last;
};

/* Every key that a PC keyboard, its media keys included, can send: no buttons, no phone keys. */
static const struct codes keyboard_codes[] = {
    {EV_KEY, KEY_ESC, KEY_MICMUTE},
    {EV_LED, LED_NUML, LED_SCROLLL},
    {EV_REP, REP_DELAY, REP_PERIOD},
};

static const struct codes pointer_codes[] = {
    {EV_KEY, BTN_LEFT, BTN_EXTRA},  {EV_REL, REL_HWHEEL, REL_HWHEEL},
    {EV_REL, REL_WHEEL, REL_WHEEL}, {EV_REL, REL_WHEEL_HI_RES, REL_HWHEEL_HI_RES},
    {EV_ABS, ABS_X, ABS_Y},
};

struct kind {
    const char *name;
    uint16_t product;
    const struct codes *codes;
    size_t n_codes;
};

static const struct kind kinds[] = {
    [INPUT_KEYBOARD] = {"Vitrine keyboard", 1, keyboard_codes, ARRAY_SIZE(keyboard_codes)},
    [INPUT_POINTER] = {"Vitrine pointer", 2, pointer_codes, ARRAY_SIZE(pointer_codes)},
};

bool
config_has_event(enum input_kind kind, uint16_t type, uint16_t code)
{
    for (size_t i = 0; i < kinds[kind].n_codes; i++) {
        const struct codes *codes = &kinds[kind].codes[i];
        if (codes->type == type && code >= codes->first && code <= codes->last) {
            return true;
        }
    }
    return false;
}

static void
put_text(struct virtio_input_config *config, const char *text)
{
    config->size = (uint8_t)MIN_OF(strlen(text), sizeof(config->u.string));
    memcpy(config->u.string, text, config->size);
}

static void
put_ids(struct virtio_input_config *config, const struct kind *kind)
{
    store_le16(&config->u.ids.bustype, BUS_VIRTUAL);
    store_le16(&config->u.ids.vendor, 0);
    store_le16(&config->u.ids.product, kind->product);
    store_le16(&config->u.ids.version, 1);
    config->size = sizeof(config->u.ids);
}

static void
put_bits(struct virtio_input_config *config, const struct kind *kind, uint8_t type)
{
    for (size_t i = 0; i < kind->n_codes; i++) {
        const struct codes *codes = &kind->codes[i];
        for (unsigned int code = codes->first; codes->type == type && code <= codes->last; code++) {
            config->u.bitmap[code / 8] |= (uint8_t)(1U << (code % 8));
            config->size = MAX_OF(config->size, (uint8_t)(code / 8 + 1));
        }
    }
}

static void
put_axis(struct virtio_input_config *config, enum input_kind kind, uint8_t axis)
{
    if (config_has_event(kind, EV_ABS, axis)) {
        store_le32(&config->u.abs.max, INPUT_ABS_MAX);
        config->size = sizeof(config->u.abs);
    }
}

void
config_select(enum input_kind kind, uint8_t select, uint8_t subsel,
              struct virtio_input_config *ret_config)
{
    memset(ret_config, 0, sizeof(*ret_config));
    ret_config->select = select;
    ret_config->subsel = subsel;
    switch (select) {
    case VIRTIO_INPUT_CFG_EV_BITS:
        put_bits(ret_config, &kinds[kind], subsel);
        return;
    case VIRTIO_INPUT_CFG_ABS_INFO:
        put_axis(ret_config, kind, subsel);
        return;
    default:
        break;
    }
    if (subsel != 0) {
        return;
    }
    if (select == VIRTIO_INPUT_CFG_ID_NAME) {
        put_text(ret_config, kinds[kind].name);
    } else if (select == VIRTIO_INPUT_CFG_ID_SERIAL) {
        put_text(ret_config, "vitrine");
    } else if (select == VIRTIO_INPUT_CFG_ID_DEVIDS) {
        put_ids(ret_config, &kinds[kind]);
    }
    /* VIRTIO_INPUT_CFG_PROP_BITS: none */
}

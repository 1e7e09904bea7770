/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/*
 * A writer of AML byte code (ACPI 6.4 chapter 20) into a fixed buffer: as much of the language as our
 * DSDT needs. When the buffer is full, nothing more is written and `overflow` stays set.
 */

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum {
    AML_DEPTH_MAX = 8
};

struct aml {
    uint8_t *data;
    size_t capacity;
    size_t used;
    bool overflow;
    size_t open[AML_DEPTH_MAX]; /* where the lengths of open objects go */
    unsigned int depth;
};

void aml_init(struct aml *aml, void *data, size_t capacity);

/* Scope, Device or Package; everything up to the aml_close() of the same depth is inside. */
void aml_open_scope(struct aml *aml, const char *name);
void aml_open_device(struct aml *aml, const char *name);
void aml_open_package(struct aml *aml, uint8_t n_elements);
void aml_close(struct aml *aml);

/* Name (`name`, ...): the object follows. Names are four characters; "\\" starts at the root. */
void aml_name(struct aml *aml, const char *name);

/* Objects. */
void aml_integer(struct aml *aml, uint64_t value);
void aml_string(struct aml *aml, const char *text);
void aml_eisa_id(struct aml *aml, const char *id); /* "PNP0A08" */
void aml_buffer(struct aml *aml, const uint8_t *data, size_t size);

/* Resource descriptors (ACPI 6.4 section 6.4), gathered in a buffer object of their own. */
struct aml_resources {
    uint8_t data[512];
    size_t used;
    bool overflow;
};

struct aml_window {
    uint64_t start;
    uint64_t size;
};

void aml_add_io(struct aml_resources *resources, uint16_t port, uint8_t length);
void aml_add_irq(struct aml_resources *resources, unsigned int line); /* edge, active high */
void aml_add_memory(struct aml_resources *resources, uint32_t start, uint32_t size); /* fixed */
void aml_add_bus_numbers(struct aml_resources *resources, uint16_t first, uint16_t last);
void aml_add_window32(struct aml_resources *resources, const struct aml_window *window);
void aml_add_window64(struct aml_resources *resources, const struct aml_window *window);
/* Name (_CRS, ...) with what was gathered. */
void aml_current_resources(struct aml *aml, struct aml_resources *resources);

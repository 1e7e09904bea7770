/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* Jansson keeps no places of values, so the line of a wrong one is looked up in the text again. */

#include <string.h>

#include "vmm/config/tree.h"

struct cursor {
    const char *at;
    const char *end;
};

static char
peek(const struct cursor *cursor)
{
    if (cursor->at >= cursor->end) {
        return '\0';
    }
    return *cursor->at;
}

/* White space and commas: what parts members and elements. */
static void
skip_space(struct cursor *cursor)
{
    while (cursor->at < cursor->end && strchr(" \t\r\n,:", *cursor->at) && *cursor->at) {
        cursor->at++;
    }
}

static void
skip_string(struct cursor *cursor)
{
    cursor->at++;
    while (cursor->at < cursor->end && *cursor->at != '"') {
        cursor->at += *cursor->at == '\\' && cursor->end - cursor->at > 1 ? 2 : 1;
    }
    cursor->at += cursor->at < cursor->end;
}

static void
skip_value(struct cursor *cursor)
{
    size_t depth = 0;

    do {
        const char c = peek(cursor);

        if (c == '"') {
            skip_string(cursor);
            continue;
        }
        depth += c == '{' || c == '[';
        depth -= depth > 0 && (c == '}' || c == ']');
        cursor->at += cursor->at < cursor->end;
        while (depth == 0 && cursor->at < cursor->end && !strchr(" \t\r\n,:]}", *cursor->at)) {
            cursor->at++;
        }
    } while (depth > 0 && cursor->at < cursor->end);
}

static bool
is_string(const char *start, const char *end, const char *text)
{
    return text && (size_t)(end - start) == strlen(text) + 2 &&
           strncmp(start + 1, text, strlen(text)) == 0;
}

/* From “{” to the value of a member; *ret_place is where its name stands. False: not there. */
static bool
enter_member(struct cursor *cursor, const struct config_step *step, const char **ret_place)
{
    cursor->at++;
    for (skip_space(cursor); peek(cursor) == '"'; skip_space(cursor)) {
        const char *start = cursor->at;

        skip_string(cursor);
        const char *end = cursor->at;
        skip_space(cursor);
        if (is_string(start, end, step->name) || is_string(start, end, step->old)) {
            *ret_place = start;
            return true;
        }
        skip_value(cursor);
    }
    return false;
}

static bool
enter_element(struct cursor *cursor, size_t index, const char **ret_place)
{
    cursor->at++;
    skip_space(cursor);
    for (size_t i = 0; i < index && peek(cursor) != ']' && cursor->at < cursor->end; i++) {
        skip_value(cursor);
        skip_space(cursor);
    }
    *ret_place = cursor->at;
    return cursor->at < cursor->end && peek(cursor) != ']';
}

size_t
config_line(const struct config_source *source, const struct config_step *steps, size_t n_steps)
{
    struct cursor cursor = {.at = source->text, .end = source->text + source->size};
    const char *place = cursor.at;
    size_t line = 1;
    bool found = true;

    for (size_t i = 0; found && i < n_steps; i++) {
        skip_space(&cursor);
        if (steps[i].name) {
            found = peek(&cursor) == '{' && enter_member(&cursor, &steps[i], &place);
        } else {
            found = peek(&cursor) == '[' && enter_element(&cursor, steps[i].index, &place);
        }
    }
    for (const char *c = source->text; c < place; c++) {
        line += *c == '\n';
    }
    return line;
}

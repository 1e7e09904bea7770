/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/* An intrusive doubly linked ring. The head is a link of its own; an empty list points at itself. */

#include <stdbool.h>
#include <stddef.h>

struct list {
    struct list *prev;
    struct list *next;
};

#define list_container(link, type, member) ((type *)(void *)((char *)(link)-offsetof(type, member)))

#define list_for_each(pos, head) \
    for (struct list *pos = (head)->next; pos != (head); pos = pos->next)

/* `pos` may be removed or freed inside the loop. */
#define list_for_each_safe(pos, head)                                             \
    for (struct list *pos = (head)->next, *pos##_next = pos->next; pos != (head); \
         pos = pos##_next, pos##_next = pos->next)

static inline void
list_init(struct list *head)
{
    head->prev = head;
    head->next = head;
}

static inline bool
list_empty(const struct list *head)
{
    return head->next == head;
}

/* Append `link` before `head`, i.e. at the end of the list. */
static inline void
list_append(struct list *head, struct list *link)
{
    link->prev = head->prev;
    link->next = head;
    head->prev->next = link;
    head->prev = link;
}

static inline void
list_remove(struct list *link)
{
    link->prev->next = link->next;
    link->next->prev = link->prev;
    list_init(link);
}

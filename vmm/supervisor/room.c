/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "vmm/supervisor/room.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/statvfs.h>

#include "vmm/base/bytes.h"
#include "vmm/base/memory.h"
#include "vmm/supervisor/lifecycle.h"
#include "vmm/supervisor/overlays.h"
#include "vmm/supervisor/processes.h"
#include "vmm/supervisor/spawn.h"

enum {
    DISK_NAME_MAX = 160, /* of a path in a sentence; of a longer one, its end */
};

/* The first disk that waits. */
static const struct child *
waiting_disk(const struct vm *vm)
{
    for (size_t i = 0; i < vm->n_children; i++) {
        if (vm->child[i].no_room != 0) {
            return &vm->child[i];
        }
    }
    return NULL;
}

bool
room_is_lacking(const struct vm *vm)
{
    return waiting_disk(vm) != NULL;
}

/* Where the file system begins that has `path`: cut off what lies deeper in it. */
static void
cut_to_mount_point(char *path)
{
    struct stat here;
    struct stat above;
    char *end;

    if (stat(path, &here) < 0) {
        return;
    }
    while ((end = strrchr(path, '/')) && path[1] != '\0') {
        char *cut = end == path ? path + 1 : end; /* “/” stays */
        const char kept = *cut;

        *cut = '\0';
        if (stat(path, &above) < 0 || above.st_dev != here.st_dev) {
            *cut = kept;
            return;
        }
    }
}

static void
print_size(char *text, size_t size, uint64_t bytes)
{
    if (bytes >= MIB) {
        snprintf(text, size, "%llu MiB", (unsigned long long)(bytes / MIB));
    } else {
        snprintf(text, size, "%llu KiB", (unsigned long long)(bytes / 1024));
    }
}

/* What fits, with whole characters of UTF-8. */
static const char *
end_of(const char *path)
{
    const size_t length = strlen(path);

    path += length > DISK_NAME_MAX ? length - DISK_NAME_MAX : 0;
    while (((unsigned char)*path & 0xc0) == 0x80) {
        path++;
    }
    return path;
}

/*
 * What the guest writes to the disk goes into this file or folder. NULL: not known, as of a handle, or of
 * the parts of a composite disk.
 */
static char *
written_path(const struct child *disk)
{
    const struct vm *vm = disk->vm;

    if (vm->config->disposable) {
        return realpath(overlays_folder(), NULL);
    }
    if (vm->instance || vm->resources.disk[disk->index].format == BLOCK_COMPOSITE) {
        return NULL;
    }
    return realpath(vm->config->block[disk->index].path, NULL);
}

void
room_describe(const struct vm *vm, char *sentence, size_t size)
{
    const struct child *disk = waiting_disk(vm);
    cleanup_free char *place = disk ? written_path(disk) : NULL;
    struct statvfs room;
    const char *name;
    char free_size[32];

    sentence[0] = '\0';
    if (!disk) {
        return;
    }
    name = vm->instance ? disk->name : end_of(vm->config->block[disk->index].path);
    if (disk->no_room == -BLOCK_LOST) {
        snprintf(
            sentence, size,
            "There is no room for what the guest had written to the disk “%s” before: its last "
            "changes may be lost, it is told of an error, and the machine is paused; make room, "
            "then continue it.",
            name);
        return;
    }
    if (!place || statvfs(place, &room) < 0) {
        snprintf(sentence, size,
                 "There is no room for the disk “%s”: the machine is paused and nothing is lost; "
                 "make room, "
                 "then continue it.",
                 name);
        return;
    }
    cut_to_mount_point(place);
    if (disk->no_room == -EDQUOT) {
        snprintf(sentence, size,
                 "The quota on “%s” leaves no room for the disk “%s”: the machine is paused and "
                 "nothing is "
                 "lost; make room, then continue it.",
                 end_of(place), name);
        return;
    }
    print_size(free_size, sizeof(free_size), (uint64_t)room.f_bavail * room.f_frsize);
    snprintf(sentence, size,
             "There is no room on “%s” for the disk “%s” (%s are free): the machine is paused and "
             "nothing is lost; make room, then continue it.",
             end_of(place), name, free_size);
}

/* For people who read the log or stderr; clients get it with the machine's state. */
static void
tell_people(struct vm *vm)
{
    char sentence[START_SENTENCE_SIZE];

    room_describe(vm, sentence, sizeof(sentence));
    if (vm->runtime) {
        log_file_print(vm->log, LOG_LEVEL_ERROR, "disk-full: %s (vmm resume %s)", sentence,
                       vm->runtime->name);
    } else {
        log_file_print(vm->log, LOG_LEVEL_ERROR, "disk-full: %s", sentence);
    }
}

static void
on_full(struct child *disk, int error)
{
    struct vm *vm = disk->vm;

    disk->no_room = error;
    tell_people(vm);
    /* Also when it is paused: a request to go on may be on the way. */
    (void)child_send(vm_child(vm, process_machine.name), MACHINE_PAUSE);
    if (vm->state == VM_PAUSED) {
        lifecycle_tell_display(vm);
    }
}

void
room_try_again(struct vm *vm)
{
    if (vm->retries_due > 0) {
        return;
    }
    for (size_t i = 0; i < vm->n_children; i++) {
        struct child *disk = &vm->child[i];

        if (disk->no_room != 0 && child_send(disk, BLOCK_RETRY) == 0) {
            disk->retrying = true;
            vm->retries_due++;
        }
    }
}

static void
on_retried(struct child *disk, int error)
{
    struct vm *vm = disk->vm;

    disk->retrying = false;
    disk->no_room = error;
    if (--vm->retries_due > 0) {
        return;
    }
    if (!room_is_lacking(vm)) {
        (void)child_send(vm_child(vm, process_machine.name), MACHINE_RESUME);
    } else {
        tell_people(vm);
        lifecycle_tell_display(vm);
    }
}

bool
room_on_message(struct child *disk, const struct block_room *message, size_t size)
{
    const int error = message->error;
    const bool no_room = error == -ENOSPC || error == -EDQUOT || error == -BLOCK_LOST;

    if (size != sizeof(*message) || !disk->vm->booted || (error != 0 && !no_room)) {
        return false;
    }
    if (message->header.type == BLOCK_FULL && no_room && disk->no_room == 0) {
        if (disk->vm->state != VM_ENDING) {
            on_full(disk, error);
        }
        return true;
    }
    if (message->header.type == BLOCK_RETRIED && disk->retrying) {
        if (disk->vm->state != VM_ENDING) {
            on_retried(disk, error);
        }
        return true;
    }
    return false;
}

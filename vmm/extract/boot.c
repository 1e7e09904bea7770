/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "vmm/extract/boot.h"

#include <stdio.h>
#include <string.h>

#include "vmm/base/bytes.h"
#include "vmm/base/fd.h"
#include "vmm/extract/ext.h"

#define KERNEL "vmlinuz-"

enum {
    PATH_SIZE = 2 * EXTRACT_NAME_SIZE,
    CHUNK = 8192,
    KERNEL_MAX = 256 << 20, /* as vmm-loader takes */
    INITRD_MAX = 512 << 20,
};

/* The best kernel so far of one folder. */
struct search {
    const char *folder;
    char newest[EXTRACT_NAME_SIZE];
};

static bool
is_plain(const char *name)
{
    for (; *name; name++) {
        if (*name <= ' ' || *name > '~' || *name == '/' || *name == '"' || *name == '\\') {
            return false;
        }
    }
    return true;
}

static int
look_at_entry(struct ext2_dir_entry *entry, int offset, int block_size, char *buffer, void *data)
{
    struct search *search = data;
    const size_t size = (size_t)ext2fs_dirent_name_len(entry);
    char name[EXTRACT_NAME_SIZE];

    if (size >= sizeof(name)) {
        return 0;
    }
    memcpy(name, entry->name, size);
    name[size] = '\0';
    if (strncmp(name, KERNEL, strlen(KERNEL)) == 0 && is_plain(name) && !strstr(name, "rescue") &&
        strverscmp(name, search->newest) > 0) {
        memcpy(search->newest, name, sizeof(name));
    }
    return 0;
}

/* 0 and the inode of a file or folder, links followed. */
static bool
find(ext2_filsys fs, const char *path, bool folder, ext2_ino_t *ret_number)
{
    struct ext2_inode inode;

    return ext2fs_namei_follow(fs, EXT2_ROOT_INO, EXT2_ROOT_INO, path, ret_number) == 0 &&
           ext2fs_read_inode(fs, *ret_number, &inode) == 0 &&
           (folder ? LINUX_S_ISDIR(inode.i_mode) : LINUX_S_ISREG(inode.i_mode));
}

static bool
search_folder(ext2_filsys fs, struct search *search)
{
    ext2_ino_t number;

    return find(fs, search->folder, true, &number) &&
           ext2fs_dir_iterate(fs, number, 0, NULL, look_at_entry, search) == 0 &&
           search->newest[0] != '\0';
}

/* enum extract_status */
static uint32_t
copy_file(ext2_filsys fs, const char *path, uint64_t most, int fd)
{
    char chunk[CHUNK];
    ext2_file_t file = NULL;
    ext2_ino_t number;
    uint64_t total = 0;
    uint32_t status = EXTRACT_DONE;
    unsigned int n = 0;

    if (!find(fs, path, false, &number) || ext2fs_file_open(fs, number, 0, &file) != 0) {
        return EXTRACT_BAD_FILE;
    }
    while (status == EXTRACT_DONE) {
        if (ext2fs_file_read(file, chunk, sizeof(chunk), &n) != 0 || total + n > most) {
            status = EXTRACT_BAD_FILE;
        } else if (n == 0) {
            break;
        } else if (fd_write_full(fd, chunk, n) < 0) {
            status = EXTRACT_NOT_WRITTEN;
        }
        total += n;
    }
    ext2fs_file_close(file);
    return status == EXTRACT_DONE && total == 0 ? (uint32_t)EXTRACT_BAD_FILE : status;
}

/* The names that distributions give to the initrd of a kernel. */
static bool
find_initrd(ext2_filsys fs, const struct search *search, char path[PATH_SIZE])
{
    static const char *const forms[] = {"%s/initrd.img-%s", "%s/initramfs-%s.img", "%s/initrd-%s",
                                        "%s/initramfs-%s"};
    const char *version = search->newest + strlen(KERNEL);
    ext2_ino_t number;

    for (size_t i = 0; i < ARRAY_SIZE(forms); i++) {
#pragma GCC diagnostic push
#pragma GCC diagnostic ignored "-Wformat-nonliteral"
        snprintf(path, PATH_SIZE, forms[i], search->folder, version);
#pragma GCC diagnostic pop
        if (find(fs, path, false, &number)) {
            return true;
        }
    }
    return false;
}

static uint32_t
take_files(ext2_filsys fs, const struct search *search, const int fds[2],
           struct extract_result *result)
{
    char path[PATH_SIZE];
    uint32_t status;

    snprintf(path, sizeof(path), "%s/%s", search->folder, search->newest);
    memcpy(result->kernel, search->newest, sizeof(result->kernel));
    status = copy_file(fs, path, KERNEL_MAX, fds[0]);
    result->has_initrd = find_initrd(fs, search, path);
    if (status == EXTRACT_DONE && result->has_initrd) {
        status = copy_file(fs, path, INITRD_MAX, fds[1]);
    }
    return status;
}

/* One file system: whether the system lies on it, and its kernel unless there was one. */
static void
look_at(ext2_filsys fs, const struct partition *partition, const int fds[2],
        struct extract_result *result)
{
    static const char *const folders[] = {"/boot", ""};
    ext2_ino_t number;

    if (result->root[0] == '\0' && find(fs, "/etc", true, &number) &&
        find(fs, "/usr", true, &number)) {
        memcpy(result->root, partition->root, sizeof(result->root));
    }
    for (size_t i = 0; i < ARRAY_SIZE(folders) && result->kernel[0] == '\0'; i++) {
        struct search search = {.folder = folders[i]};

        if (search_folder(fs, &search)) {
            result->status = take_files(fs, &search, fds, result);
        }
    }
}

static void
look_into(struct disk *disk, const struct partition *partition, const int fds[2],
          struct extract_result *result)
{
    ext2_filsys fs = ext_open(disk, partition);

    if (!fs) {
        return;
    }
    if (result->status == EXTRACT_NO_SYSTEM) {
        result->status = EXTRACT_NO_KERNEL;
    }
    look_at(fs, partition, fds, result);
    ext2fs_free(fs);
}

void
boot_extract(struct disk *disk, int kernel_fd, int initrd_fd, struct extract_result *result)
{
    const int fds[] = {kernel_fd, initrd_fd};
    struct partition partition[PARTITIONS_MAX];
    const size_t n = partitions_read(disk, partition);

    memset(result, 0, sizeof(*result));
    result->status = n > 0 ? EXTRACT_NO_SYSTEM : EXTRACT_BAD_IMAGE;
    for (size_t i = 0; i < n; i++) {
        look_into(disk, &partition[i], fds, result);
    }
}

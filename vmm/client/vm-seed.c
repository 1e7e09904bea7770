/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "vmm/client/vm-seed.h"

#include <crypt.h>
#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/random.h>
#include <unistd.h>

#include "vmm/client/iso-image.h"
#include "vmm/client/json.h"

#define LABEL       "cidata"
#define HASH_PREFIX "$6$rounds=40000$" /* SHA-512: also musl's and old guests' crypt() know it */

enum {
    USER_MAX = 32,
    HOST_NAME_SIZE = 63,
    PASSWORD_MAX = 255,
    KEYS_MAX = 64,
    KEY_FILE_MAX = 65536,
    KEY_KIND_MAX = 64,
    SALT_SIZE = 16,
};

struct _VmSeed {
    GObject parent_instance;
    char *user;
    char *hash;
    char *host_name;
    GPtrArray *keys; /* char * */
};

G_DEFINE_FINAL_TYPE(VmSeed, vm_seed, G_TYPE_OBJECT)

G_DEFINE_QUARK(vm - seed - error - quark, vm_seed_error)

/* ------------------------------------------------------------------ the user */

gboolean
vm_seed_set_user(VmSeed *self, const char *user, GError **error)
{
    gboolean good = g_ascii_islower(user[0]) || user[0] == '_';

    for (const char *at = user; *at; at++) {
        good = good && (g_ascii_islower(*at) || g_ascii_isdigit(*at) || strchr("_-", *at));
    }
    if (!good || strlen(user) > USER_MAX || g_str_equal(user, "root")) {
        g_set_error(
            error, VM_SEED_ERROR, VM_SEED_ERROR_USER,
            "“%s” is no name for a user: give up to 32 of a-z, 0-9, “_” and “-”, a letter first, "
            "and not “root”",
            user);
        return FALSE;
    }
    g_free(self->user);
    self->user = g_strdup(user);
    return TRUE;
}

void
vm_seed_set_host_name(VmSeed *self, const char *name)
{
    char *plain = g_ascii_strdown(name, -1);
    char *end = plain;

    for (char *at = plain; *at && end - plain < HOST_NAME_SIZE; at++) {
        const gboolean good = g_ascii_isalnum(*at);

        if (good || (end > plain && end[-1] != '-')) {
            *end++ = (char)(good ? *at : '-');
        }
    }
    while (end > plain && end[-1] == '-') {
        end--;
    }
    *end = '\0';
    g_free(self->host_name);
    self->host_name = plain;
}

/* ------------------------------------------------------------------ the password */

static gboolean
is_line(const char *text, gsize max)
{
    const gsize size = strlen(text);
    gboolean good = size <= max && g_utf8_validate(text, (gssize)size, NULL);

    for (gsize i = 0; good && i < size; i++) {
        good = !g_ascii_iscntrl(text[i]);
    }
    return good;
}

/* "$6$…", or NULL. */
static char *
hash_password(const char *password)
{
    static const char letters[] =
        "./0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz";
    guint8 bytes[SALT_SIZE];
    char setting[sizeof(HASH_PREFIX) + SALT_SIZE + 1] = HASH_PREFIX;
    char *salt = setting + strlen(HASH_PREFIX);
    struct crypt_data *data = NULL;
    const char *made = NULL;
    char *hash = NULL;

    if (getrandom(bytes, sizeof(bytes), 0) != (gssize)sizeof(bytes)) {
        return NULL;
    }
    for (guint i = 0; i < SALT_SIZE; i++) {
        salt[i] = letters[bytes[i] % 64];
    }
    salt[SALT_SIZE] = '$';
    data = g_new0(struct crypt_data, 1);
    made = crypt_r(password, setting, data);
    hash = made && g_str_has_prefix(made, HASH_PREFIX) ? g_strdup(made) : NULL;
    explicit_bzero(data, sizeof(*data));
    g_free(data);
    return hash;
}

gboolean
vm_seed_set_password(VmSeed *self, const char *password, GError **error)
{
    char *hash = NULL;

    if (password && password[0]) {
        if (!is_line(password, PASSWORD_MAX)) {
            g_set_error_literal(
                error, VM_SEED_ERROR, VM_SEED_ERROR_PASSWORD,
                "the password cannot be used: give up to 255 bytes of UTF-8 in one line");
            return FALSE;
        }
        hash = hash_password(password);
        if (!hash) {
            g_set_error_literal(error, G_IO_ERROR, G_IO_ERROR_FAILED,
                                "crypt() cannot make a hash of the password; give a key instead");
            return FALSE;
        }
    }
    g_free(self->hash);
    self->hash = hash;
    return TRUE;
}

/* ------------------------------------------------------------------ keys */

/* The second word holds, in base64, the length of the first and that word again (RFC 4253, 6.6). */
static gboolean
is_public_key(const char *line)
{
    g_auto(GStrv) words = g_strsplit(line, " ", 3);
    g_autofree guint8 *bytes = NULL;
    const gsize kind = words[0] ? strlen(words[0]) : 0;
    gsize size = 0;

    if (kind == 0 || kind > KEY_KIND_MAX || !words[1] || !is_line(line, KEY_FILE_MAX)) {
        return FALSE;
    }
    bytes = g_base64_decode(words[1], &size);
    return size > kind + 4 && bytes[0] == 0 && bytes[1] == 0 && bytes[2] == 0 && bytes[3] == kind &&
           memcmp(bytes + 4, words[0], kind) == 0;
}

gboolean
vm_seed_add_keys(VmSeed *self, const char *text, GError **error)
{
    g_auto(GStrv) lines = g_strsplit_set(text, "\r\n", -1);
    g_autoptr(GPtrArray) keys = g_ptr_array_new_with_free_func(g_free);

    if (strstr(text, "PRIVATE KEY-----")) {
        g_set_error_literal(
            error, VM_SEED_ERROR, VM_SEED_ERROR_PRIVATE_KEY,
            "this is a private key, which is to stay where it is: give its public half, "
            "the file that ends in .pub");
        return FALSE;
    }
    for (guint i = 0; lines[i]; i++) {
        const char *line = g_strstrip(lines[i]);

        if (line[0] == '\0' || line[0] == '#') {
            continue;
        }
        if (!is_public_key(line) || self->keys->len + keys->len == KEYS_MAX) {
            g_ptr_array_set_size(keys, 0);
            break;
        }
        g_ptr_array_add(keys, g_strdup(line));
    }
    if (keys->len == 0) {
        g_set_error_literal(
            error, VM_SEED_ERROR, VM_SEED_ERROR_KEY,
            "this is no public SSH key: give lines as ssh-keygen writes them into a file "
            "that ends in .pub, 64 at most");
        return FALSE;
    }
    g_ptr_array_extend_and_steal(self->keys, g_steal_pointer(&keys));
    return TRUE;
}

gboolean
vm_seed_add_key_file(VmSeed *self, const char *path, GError **error)
{
    g_autofree char *text = g_malloc0(KEY_FILE_MAX + 1);
    int fd = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK);
    gssize size = fd < 0 ? -1 : read(fd, text, KEY_FILE_MAX);
    const int saved = errno;

    if (fd >= 0) {
        close(fd);
    }
    if (size < 0) {
        /* NOLINTNEXTLINE(clang-analyzer-unix.Malloc): g_autofree frees it */
        g_set_error(error, G_IO_ERROR, g_io_error_from_errno(saved), "“%s” cannot be read (%s)",
                    path, g_strerror(saved));
        return FALSE;
    }
    return vm_seed_add_keys(self, text, error);
}

/* ------------------------------------------------------------------ the disk */

gboolean
vm_seed_check(VmSeed *self, GError **error)
{
    if (!self->user) {
        g_set_error_literal(error, VM_SEED_ERROR, VM_SEED_ERROR_NO_USER,
                            "nobody could log in: give a user");
        return FALSE;
    }
    if (!self->hash && self->keys->len == 0) {
        g_set_error(error, VM_SEED_ERROR, VM_SEED_ERROR_NO_WAY_IN,
                    "“%s” could not log in: give a password or a public SSH key", self->user);
        return FALSE;
    }
    return TRUE;
}

/* JSON, which is YAML as well. “user” changes the image's own default user, who has fitting groups. */
static char *
make_user_data(VmSeed *self)
{
    g_autoptr(VmJson) json = vm_json_new();
    g_autofree char *text = NULL;

    vm_json_set_string(json, "user.name", self->user);
    vm_json_set_string(json, "user.sudo",
                       self->hash ? "ALL=(ALL:ALL) ALL" : "ALL=(ALL:ALL) NOPASSWD:ALL");
    vm_json_set_bool(json, "user.lock_passwd", self->hash == NULL);
    if (self->hash) {
        vm_json_set_string(json, "user.passwd", self->hash);
    }
    for (guint i = 0; i < self->keys->len; i++) {
        g_autofree char *member = g_strdup_printf("user.ssh_authorized_keys.%u", i);

        vm_json_set_string(json, member, g_ptr_array_index(self->keys, i));
    }
    text = vm_json_to_text(json);
    return g_strconcat("#cloud-config\n", text, NULL);
}

static char *
make_meta_data(VmSeed *self)
{
    g_autoptr(VmJson) json = vm_json_new();
    g_autofree char *id = g_uuid_string_random();

    vm_json_set_string(json, "instance-id", id);
    if (self->host_name && self->host_name[0]) {
        vm_json_set_string(json, "local-hostname", self->host_name);
    }
    return vm_json_to_text(json);
}

static gboolean
write_all(int fd, const guint8 *bytes, gsize size)
{
    while (size > 0) {
        const gssize n = write(fd, bytes, size);

        if (n < 0 && errno == EINTR) {
            continue;
        }
        if (n <= 0) {
            errno = n < 0 ? errno : EIO;
            return FALSE;
        }
        bytes += n;
        size -= (gsize)n;
    }
    return TRUE;
}

gboolean
vm_seed_write(VmSeed *self, const char *path, GError **error)
{
    g_autofree char *user_data = NULL;
    g_autofree char *meta_data = NULL;
    g_autoptr(GBytes) image = NULL;
    gboolean done = FALSE;
    int saved;
    int fd;

    if (!vm_seed_check(self, error)) {
        return FALSE;
    }
    user_data = make_user_data(self);
    meta_data = make_meta_data(self);
    const VmIsoFile files[] = {{"meta-data", meta_data, strlen(meta_data)},
                               {"user-data", user_data, strlen(user_data)}};
    image = vm_iso_image_new(LABEL, files, G_N_ELEMENTS(files));
    fd = open(path, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0600);
    if (fd >= 0) {
        gsize size = 0;
        const guint8 *bytes = g_bytes_get_data(image, &size);

        done = write_all(fd, bytes, size);
    }
    saved = errno;
    if (fd >= 0) {
        close(fd);
        if (!done) {
            unlink(path);
        }
    }
    if (!done) {
        g_set_error(error, G_IO_ERROR, g_io_error_from_errno(saved), "“%s” cannot be made (%s)",
                    path, g_strerror(saved));
    }
    return done;
}

static void
vm_seed_finalize(GObject *object)
{
    VmSeed *self = VM_SEED(object);

    g_free(self->user);
    g_free(self->hash);
    g_free(self->host_name);
    g_ptr_array_unref(self->keys);
    G_OBJECT_CLASS(vm_seed_parent_class)->finalize(object);
}

static void
vm_seed_class_init(VmSeedClass *klass)
{
    G_OBJECT_CLASS(klass)->finalize = vm_seed_finalize;
}

static void
vm_seed_init(VmSeed *self)
{
    self->keys = g_ptr_array_new_with_free_func(g_free);
}

VmSeed *
vm_seed_new(void)
{
    return g_object_new(VM_TYPE_SEED, NULL);
}

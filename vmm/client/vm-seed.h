/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/*
 * The seed of a cloud image: a small disk with the label “cidata” that cloud-init finds at the guest's
 * first start (its data source NoCloud), and that tells it the guest's name, a user, a password and keys.
 * A VmSeed never keeps a password, only what crypt(5) calls its hash.
 */

#include <gio/gio.h>

G_BEGIN_DECLS

#define VM_SEED_ERROR (vm_seed_error_quark())
/**
 * vm_seed_error_quark:
 *
 * Returns: the domain of #VmSeedError
 */
GQuark vm_seed_error_quark(void);

/**
 * VmSeedError:
 * @VM_SEED_ERROR_USER: no name for a user
 * @VM_SEED_ERROR_PASSWORD: no password, or one that cannot be typed in one line
 * @VM_SEED_ERROR_KEY: no public key
 * @VM_SEED_ERROR_PRIVATE_KEY: the secret half of a key
 * @VM_SEED_ERROR_NO_USER: nobody was named
 * @VM_SEED_ERROR_NO_WAY_IN: neither a password nor a key
 *
 * What a seed cannot be made of; files that cannot be read or written give %G_IO_ERROR.
 */
typedef enum {
    VM_SEED_ERROR_USER,
    VM_SEED_ERROR_PASSWORD,
    VM_SEED_ERROR_KEY,
    VM_SEED_ERROR_PRIVATE_KEY,
    VM_SEED_ERROR_NO_USER,
    VM_SEED_ERROR_NO_WAY_IN,
} VmSeedError;

#define VM_TYPE_SEED (vm_seed_get_type())
G_DECLARE_FINAL_TYPE(VmSeed, vm_seed, VM, SEED, GObject)

/**
 * vm_seed_new:
 *
 * Returns: (transfer full): a seed that tells nothing yet
 */
VmSeed *vm_seed_new(void);

/**
 * vm_seed_set_user:
 * @user: up to 32 of a-z, 0-9, “_” and “-”, no digit or “-” first, and not “root”
 *
 * The person who may log in, and become root with sudo: with the password where there is one.
 */
gboolean vm_seed_set_user(VmSeed *self, const char *user, GError **error);

/**
 * vm_seed_set_password:
 * @password: (nullable): up to 255 bytes of UTF-8 in one line; empty or %NULL: none
 *
 * Takes some hundredths of a second.
 */
gboolean vm_seed_set_password(VmSeed *self, const char *password, GError **error);

/**
 * vm_seed_add_keys:
 * @text: public SSH keys, one per line, as ssh-keygen writes them
 *
 * Nothing is taken where one line is no public key.
 */
gboolean vm_seed_add_keys(VmSeed *self, const char *text, GError **error);

/**
 * vm_seed_add_key_file:
 * @path: a file of such lines, up to 64 KiB
 */
gboolean vm_seed_add_key_file(VmSeed *self, const char *path, GError **error);

/**
 * vm_seed_set_host_name:
 * @name: any name, for instance the machine's; characters that host names do not have become “-”
 *
 * Without it the guest keeps its own.
 */
void vm_seed_set_host_name(VmSeed *self, const char *name);

/**
 * vm_seed_check:
 *
 * Returns: whether vm_seed_write() has what it needs: a user, and a password or a key
 */
gboolean vm_seed_check(VmSeed *self, GError **error);

/**
 * vm_seed_write:
 * @path: a file that is not there yet; only its owner may read it
 *
 * Each seed counts as a new machine: a guest that has seen another one takes it again.
 */
gboolean vm_seed_write(VmSeed *self, const char *path, GError **error);

G_END_DECLS

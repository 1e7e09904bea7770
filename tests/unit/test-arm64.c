/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include <errno.h>
#include <libfdt.h>
#include <unistd.h>

#include "tests/unit/tap.h"
#include "vmm/base/bytes.h"
#include "vmm/base/fd.h"
#include "vmm/base/memory.h"
#include "vmm/machine/arm64/fdt.h"
#include "vmm/machine/arm64/layout.h"

static const uint8_t seed[ARM64_SEED_SIZE] = {1, 2, 3, 4};

static struct arm64_fdt
full_machine(void)
{
    struct arm64_fdt machine = {
        .n_cpus = 18,
        .ram_size = 3 * GIB,
        .has_serial = {true, true, true, true},
        .command_line = "console=ttyS0 quiet",
        .initrd_start = ARM64_RAM_START + 64 * MIB,
        .initrd_size = 5 * MIB + 17,
        .seed = seed,
        .has_symbols = true,
    };

    arm64_pci_windows(machine.ram_size, 40, &machine.pci);
    return machine;
}

/* Run `dtc` with options on `data`; its output and what it says are appended to `ret_text`. */
static bool
run_dtc(const char *options, const void *data, size_t size, char *ret_text, size_t capacity)
{
    char path[] = "/tmp/vitrine-test-XXXXXX";
    cleanup_fd int fd = mkstemp(path);
    cleanup_free char *command = xasprintf("%s %s %s 2>&1", DTC, options, path);
    FILE *pipe;
    size_t n;
    bool ok = fd >= 0 && fd_write_full(fd, data, size) == 0;

    pipe = popen(command, "r"); // NOLINT(cert-env33-c): a tool from the build, a path of ours
    n = pipe ? fread(ret_text, 1, capacity - 1, pipe) : 0;
    ret_text[n] = '\0';
    ok = pipe && pclose(pipe) == 0 && ok;
    unlink(path);
    return ok;
}

static uint64_t
cells(const void *tree, const char *path, const char *name, unsigned int index)
{
    int length = 0;
    const uint8_t *data = fdt_getprop(tree, fdt_path_offset(tree, path), name, &length);

    return data && (int)index * 4 < length ? fdt32_ld((const fdt32_t *)(data + (size_t)index * 4))
                                           : UINT64_MAX;
}

TAP_TEST(layout)
{
    struct pci_windows pci;

    check_int(arm64_serial_start(0), 0x3f8);
    check_int(arm64_serial_start(3), 0x2e8);
    check_int(arm64_redist_start(1), 0x3ffd0000);
    check(arm64_redist_start(MACHINE_CPUS_MAX) > ARM64_LOW_MMIO_START + ARM64_LOW_MMIO_SIZE);
    check_int(arm64_fdt_start(GIB), 0xbfe00000);
    check_int(arm64_fdt_start(GIB + MIB), 0xbfe00000);
    check_int(arm64_cpu_affinity(17), 0x101);
    arm64_pci_windows(3 * GIB, 40, &pci);
    check(pci.high_start >= ARM64_RAM_START + 3 * GIB + ARM64_PLATFORM_MMIO);
    check_int(pci.high_start + pci.high_size, INT64_C(1) << 40);
    check_int(pci.ecam_size, 65536);
    arm64_pci_windows(2 * GIB, 32, &pci);
    check_int(pci.high_size, 0);
}

TAP_TEST(contents)
{
    const struct arm64_fdt machine = full_machine();
    cleanup_free void *tree = xalloc(ARM64_FDT_SIZE_MAX);
    const char *bootargs;

    check_int(arm64_fdt_build(&machine, tree, ARM64_FDT_SIZE_MAX), 0);
    check_int(fdt_totalsize(tree), ARM64_FDT_SIZE_MAX);
    check_int(fdt_check_full(tree, ARM64_FDT_SIZE_MAX), 0);
    bootargs = fdt_getprop(tree, fdt_path_offset(tree, "/chosen"), "bootargs", NULL);
    check_str(bootargs, "console=ttyS0 quiet");
    check_int(cells(tree, "/chosen", "linux,initrd-start", 1), 0x84000000);
    check_int(cells(tree, "/chosen", "linux,initrd-end", 1), 0x84500011);
    check_int(cells(tree, "/memory@80000000", "reg", 1), 0x80000000);
    check_int(cells(tree, "/memory@80000000", "reg", 3), 0xc0000000);
    check_int(cells(tree, "/cpus/cpu@101", "reg", 0), 0x101);
    check_int(cells(tree, "/cpus/cpu@102", "reg", 0), -1);
    check_int(cells(tree, "/interrupt-controller@3fff0000", "reg", 5), 0x3fff0000 - 18 * 0x20000);
    check_int(cells(tree, "/serial@3f8", "interrupts", 1), 0);
    check_int(cells(tree, "/serial@2f8", "interrupts", 1), 2);
    check_int(cells(tree, "/rtc@2000", "reg", 3), 0x1000);
    check_str(fdt_getprop(tree, fdt_path_offset(tree, "/pci@10000"), "compatible", NULL),
              "pci-host-cam-generic");
    /* Slot 1, pin A: the line that the PCI root drives. */
    check_int(cells(tree, "/pci@10000", "interrupt-map", 4 * 8 + 6), arm64_pci_spi(1, 1));
    check_int(cells(tree, "/pci@10000", "ranges", 2), ARM64_LOW_MMIO_START);
    check(arm64_fdt_pack(tree) < 16 * KIB);
}

TAP_TEST(least_machine)
{
    struct arm64_fdt machine = {.n_cpus = 1, .ram_size = 64 * MIB, .command_line = ""};
    cleanup_free void *tree = xalloc(ARM64_FDT_SIZE_MAX);

    arm64_pci_windows(machine.ram_size, 31, &machine.pci);
    check_int(arm64_fdt_build(&machine, tree, 512), -ENOSPC);
    check_int(arm64_fdt_build(&machine, tree, ARM64_FDT_SIZE_MAX), 0);
    check(fdt_path_offset(tree, "/serial@3f8") < 0);
    check(fdt_path_offset(tree, "/__symbols__") < 0);
    check_int(cells(tree, "/chosen", "linux,initrd-start", 0), -1);
    check_int(cells(tree, "/pci@10000", "ranges", 7), -1); /* no 64-bit window */
}

TAP_TEST(dtc_has_nothing_to_say)
{
    struct arm64_fdt machine = full_machine();
    cleanup_free void *tree = xalloc(ARM64_FDT_SIZE_MAX);
    cleanup_free char *text = xalloc(64 * KIB);

    for (int i = 0; i < 2; i++) {
        machine.has_symbols = i == 0;
        check_int(arm64_fdt_build(&machine, tree, ARM64_FDT_SIZE_MAX), 0);
        check(run_dtc("-I dtb -O dts", tree, arm64_fdt_pack(tree), text, 64 * KIB));
        if (strstr(text, "Warning") || strstr(text, "ERROR")) {
            printf("# %.600s\n", text);
        }
        check(!strstr(text, "Warning") && !strstr(text, "ERROR"));
        check(strstr(text, "interrupt-controller@3fff0000"));
    }
}

static const char overlay_source[] =
    "/dts-v1/; /plugin/;\n"
    "&rtc { status = \"disabled\"; };\n"
    "&{/} { box@8000000 { compatible = \"acme,box\"; reg = <0 0x8000000 0 0x1000>;\n"
    "  interrupt-parent = <&gic>; }; };\n";

TAP_TEST(overlay)
{
    const struct arm64_fdt machine = full_machine();
    cleanup_free void *tree = xalloc(ARM64_FDT_SIZE_MAX);
    cleanup_free char *blob = xalloc(64 * KIB);
    size_t size;
    const char *status;

    check(run_dtc("-q -@ -I dts -O dtb", overlay_source, strlen(overlay_source), blob, 64 * KIB));
    size = fdt_totalsize(blob);
    check_int(arm64_fdt_build(&machine, tree, ARM64_FDT_SIZE_MAX), 0);
    check_int(arm64_fdt_apply_overlay(tree, blob, size), 0);
    status = fdt_getprop(tree, fdt_path_offset(tree, "/rtc@2000"), "status", NULL);
    check_str(status, "disabled");
    check_int(cells(tree, "/box@8000000", "interrupt-parent", 0), 1);
    check_int(arm64_fdt_apply_overlay(tree, blob, size), 0); /* the blob is as it was */

    /* Cut short, broken in every byte, and no overlay at all. */
    for (size_t n = 0; n < size; n++) {
        check_int(arm64_fdt_apply_overlay(tree, blob, n), -EINVAL);
    }
    for (size_t i = 0; i < size; i++) {
        check_int(arm64_fdt_build(&machine, tree, 64 * KIB), 0);
        blob[i] = (char)~blob[i];
        (void)arm64_fdt_apply_overlay(tree, blob, size);
        blob[i] = (char)~blob[i];
    }
}

TAP_MAIN(TAP_CASE(layout), TAP_CASE(contents), TAP_CASE(least_machine),
         TAP_CASE(dtc_has_nothing_to_say), TAP_CASE(overlay))

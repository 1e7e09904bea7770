/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include <errno.h>

#include "tests/unit/tap.h"
#include "vmm/base/bytes.h"
#include "vmm/base/cleanup.h"
#include "vmm/base/memory.h"
#include "vmm/config/config.h"
#include "vmm/config/option-table.h"

/* Files by name, in place of a file system. */
struct fake_file {
    const char *name;
    const char *text;
};

static int
read_fake(void *data, const char *name, char **ret_text, size_t *ret_size,
          struct config_error *error)
{
    for (const struct fake_file *file = data; file->name; file++) {
        if (strcmp(file->name, name) == 0) {
            *ret_text = xstrdup(file->text);
            *ret_size = strlen(file->text);
            return 0;
        }
    }
    config_fail(error, "%s: gone", name);
    return -ENOENT;
}

enum {
    WORDS_MAX = 40
};

/* Words are parted by blanks; none of these tests needs a blank inside a word. */
static int
parse_with(const char *line, struct fake_file *files, struct machine_config *config,
           struct config_error *error)
{
    const struct config_host host = {.read_file = read_fake, .data = files, .ram_mib = 8192};
    cleanup_free char *copy = xstrdup(line);
    char *words[WORDS_MAX];
    int n = 0;

    memset(error, 0, sizeof(*error));
    for (char *word = strtok(copy, " "); word && n < WORDS_MAX; word = strtok(NULL, " ")) {
        words[n++] = word;
    }
    return config_parse(n, words, &host, config, error);
}

static int
parse(const char *line, struct machine_config *config, struct config_error *error)
{
    struct fake_file none[] = {{NULL, NULL}};

    return parse_with(line, none, config, error);
}

TAP_TEST(defaults)
{
    struct machine_config config;
    struct config_error error;

    check_int(parse("vmlinux", &config, &error), 0);
    check_str(config.kernel, "vmlinux");
    check_int(config.cpus.count, 1);
    check_int(config.mem.size, 256);
    check(config.rng && !config.has_gpu && !config.keyboard && !config.pointer);
    check_int(config.n_serial, 1);
    check(config.serial[0].console && config.serial[0].input);
    check_int(config.serial[0].type, SERIAL_STDOUT);
    check_str(config.params, "");
    check(!config.name && !config.initrd && !config.socket);
    check_int(config.log_level, CONFIG_LOG_INFO);
    machine_config_finish(&config);
}

TAP_TEST(book_examples)
{
    struct machine_config config;
    struct config_error error;

    check_int(parse("--cpus 4 --mem 4096 --gpu backend=2d,width=1920,height=1080 "
                    "--display-window-keyboard --display-window-mouse --rwdisk ./rootfs "
                    "--initrd ./initrd.img -p root=/dev/vda5 -p quiet ./vmlinuz",
                    &config, &error),
              0);
    check_int(config.cpus.count, 4);
    check_int(config.mem.size, 4096);
    check(config.has_gpu && config.keyboard && config.pointer);
    check_int(config.gpu.width, 1920);
    check_int(config.n_block, 1);
    check(!config.block[0].read_only && config.block[0].sparse);
    check_str(config.params, "root=/dev/vda5 quiet");
    machine_config_finish(&config);

    check_int(parse("--block disk.img,ro,sparse=false,o_direct=false,block_size=4096,id=MYSERIALNO "
                    "-b /path/root,root -s /run/x.sock --serial "
                    "stdout,hardware=virtio-console,console,stdin vmlinux",
                    &config, &error),
              0);
    check_int(config.n_block, 2);
    check(config.block[0].read_only && !config.block[0].sparse && !config.block[0].root);
    check_int(config.block[0].block_size, 4096);
    check_str(config.block[0].id, "MYSERIALNO");
    check(config.block[1].root && !config.block[1].read_only);
    check_str(config.socket, "/run/x.sock");
    check_int(config.serial[0].hardware, SERIAL_HARDWARE_VIRTIO_CONSOLE);
    machine_config_finish(&config);
}

TAP_TEST(spellings)
{
    struct machine_config config;
    struct config_error error;

    check_int(parse("-c2 -m512 --gpu vmlinux --disk a --root b --no-rng -v "
                    "--vhost-user-blk /run/s --display-window-mouse=false --params=x=y",
                    &config, &error),
              0);
    check_str(config.kernel, "vmlinux");
    check_int(config.cpus.count, 2);
    check(config.has_gpu && config.keyboard && !config.pointer && !config.rng);
    check(config.block[0].read_only && !config.block[0].root);
    check(config.block[1].read_only && config.block[1].root);
    check_int(config.n_vhost_user, 1);
    check_int(config.vhost_user[0].type, VHOST_USER_BLOCK);
    check_str(config.vhost_user[0].socket, "/run/s");
    check_int(config.log_level, CONFIG_LOG_DEBUG);
    check_str(config.params, "x=y");
    machine_config_finish(&config);

    check_int(
        parse("k --gpu "
              "displays=[[mode=windowed[640,480],dpi=[120,60]],[windowed[800,600]]],backend=2d "
              "--hypervisor=kvm --no-usb --cpus 0x2",
              &config, &error),
        0);
    check_int(config.gpu.n_screen, 2);
    check_int(config.gpu.displays, 16);
    check_int(config.gpu.width, 640);
    check_int(config.gpu.screen[0].dpi[0], 120);
    check_int(config.gpu.screen[0].dpi[1], 60);
    check_int(config.gpu.screen[1].size[1], 600);
    check_int(config.gpu.screen[1].dpi[1], 96);
    check_int(config.cpus.count, 2);
    machine_config_finish(&config);

    check_int(parse("--block path=\"a,b\\\"c\",ro -- -kernel", &config, &error), 0);
    check_str(config.block[0].path, "a,b\"c");
    check_str(config.kernel, "-kernel");
    machine_config_finish(&config);
}

TAP_TEST(serial_numbers)
{
    struct machine_config config;
    struct config_error error;

    check_int(parse("k --serial sink --serial sink,num=1 --serial sink,hardware=virtio-console",
                    &config, &error),
              0);
    check_int(config.serial[0].number, 2);
    check_int(config.serial[1].number, 1);
    check_int(config.serial[2].number, 1);
    machine_config_finish(&config);
}

/* The sentence names the thing; `has` is a part of it. */
static const struct {
    const char *line;
    const char *has;
} bad_lines[] = {
    {"", "No kernel"},
    {"k --cpus 0", "--cpus, key “num-cores”: 0 is out of range; give a number from 1 to 32."},
    {"k --cpus 33", "out of range"},
    {"k --cpus -1", "“-1” is not a whole number"},
    {"k --cpus two", "“two” is not a whole number"},
    {"k --cpus 99999999999999999999", "not a whole number"},
    {"k --cpus", "--cpus: the value is missing"},
    {"k --mem 0", "--mem, key “size”: 0 is out of range"},
    {"k --mem 999999", "more than this computer has"},
    {"k -m 1 -m 2", "out of range"},
    {"k -m 128 -m 256", "--mem is given twice"},
    {"k --fr\xff\xc3\xa4\xc2\x9b\xe2\x82", "no option “--fr?ä????”"},
    {"k --frobnicate", "no option “--frobnicate”"},
    {"k -Z", "no option “-Z”"},
    {"k --net tap-name=t", "--net: network cards do not work yet; leave it out."},
    {"k --block a,colour=red", "no key “colour”"},
    {"k --block ro", "“path” is missing"},
    {"k --block a,ro=maybe", "“maybe” is not true or false"},
    {"k --block a,ro,ro", "given twice"},
    {"k --block a,path", "has no value"},
    {"k --block a,block-size=1024", "block size 1024"},
    {"k --block a,direct", "does not work yet"},
    {"k --block \"a", "quotation mark"},
    {"k --block a,id=123456789012345678901", "too long"},
    {"k --block a,root --block b,root", "More than one --block"},
    {"k --serial file", "add path=PATH"},
    {"k --serial stdout,path=x", "type=file"},
    {"k --serial unixx", "“unixx” is not known"},
    {"k --serial sink,num=5", "no port 5"},
    {"k --serial sink,num=1 --serial sink,num=1", "used twice"},
    {"k --serial stdout,console --serial sink,console", "“console”"},
    {"k --gpu width=1", "out of range"},
    {"k --gpu gfxstream", "“gfxstream” cannot be used, because the renderer of Android"},
    {"k --gpu backend=2d,context-types=[virgl2]", "backend=2d has no contexts that draw"},
    {"k --gpu displays=[[mode=windowed[640,480]]", "bracket of “displays” is not closed"},
    {"k --gpu displays=[mode=windowed[640,480]]", "is not a list of lists"},
    {"k --gpu displays=[[hidden]]", "key “displays[0].hidden”: a screen"},
    {"k --gpu displays=[[windowed[640,480],dpi=[96,1]]]",
     "key “displays[0].dpi”: 1 is out of range"},
    {"k --gpu displays=[[windowed[640,480],dpi=96]]", "key “displays[0].dpi”"},
    {"k --gpu displays=[[windowed[640,480],dpi=[96]]]", "key “displays[0].dpi”"},
    {"k --gpu displays=[[windowed[640,480]],[windowed[64,480]]]",
     "--gpu, key “displays[1].mode”: 64 is out of range"},
    {"k --gpu displays=[[windowed[640,480]],[windowed[800,480]]],max-num-displays=1",
     "there are 2 screens, and max-num-displays allows 1"},
    {"k --gpu context-types=drm:weird", "cannot be used"},
    {"k --hypervisor whpx", "for Windows"},
    {"k --irqchip=split", "KVM's"},
    {"k --cpus 08x", "not a whole number"},
    {"k --name ../x", "cannot be a name"},
    {"k --name .x", "cannot be a name"},
    {"k --manager x", "configuration file"},
    {"k k2", "second kernel"},
    {"k --cfg missing.json", "missing.json: gone"},
    {"k --restart=perhaps", "“perhaps”"},
#if !defined(__aarch64__)
    {"k --device-tree-overlay x.dtbo", "aarch64"},
#endif
};

TAP_TEST(bad_arguments)
{
    struct machine_config config;
    struct config_error error;

    for (size_t i = 0; i < ARRAY_SIZE(bad_lines); i++) {
        const int r = parse(bad_lines[i].line, &config, &error);

        if (r >= 0 || !strstr(error.sentence, bad_lines[i].has)) {
            printf("# \"%s\": %d, \"%s\"\n", bad_lines[i].line, r, error.sentence);
        }
        check(r < 0);
        check(strstr(error.sentence, bad_lines[i].has) != NULL);
    }
}

static const struct {
    const char *text;
    const char *has;
} bad_texts[] = {
    {"", "vm.json, line 1: this is not JSON"},
    {"[]", "does not hold an object"},
    {"{\"kernel\":\"k\",\n\"mem\": 5,\n}", "vm.json, line 3"},
    {"{\"kernel\":7}", "vm.json, line 1, “kernel”: the value has the wrong type; give text."},
    {"{\"kernel\":\"k\",\"colour\":1}", "vm.json, line 1, “colour”: there is no such option"},
    {"{\"kernel\":\"k\",\"cpus\":{\"num-cores\":0}}",
     "vm.json, line 1, “cpus.num-cores”: 0 is out"},
    {"{\"kernel\":\"k\",\"cpus\":{\"cores\":1}}",
     "vm.json, line 1, “cpus.cores”: there is no such key"},
    {"{\"kernel\":\"k\",\"cpus\":2}", "give an object"},
    {"{\"kernel\":\"k\",\"mem\":{\"size\":1.5}}", "give a whole number"},
    {"{\"kernel\":\"k\",\"mem\":{\"size\":99999}}", "more than this computer has"},
    {"{\"kernel\":\"k\",\"block\":{}}", "give a list"},
    {"{\"kernel\":\"k\",\"block\":[{\"path\":\"a\"},{\"ro\":true}]}",
     "vm.json, line 1, “block[1].path”: the value is missing"},
    {"{\"kernel\":\"k\",\"block\":[{\"path\":\"a\",\"ro\":\"yes\"}]}",
     "vm.json, line 1, “block[0].ro”: the value has the wrong type; give true or false."},
    {"{\"kernel\":\"k\",\"params\":[1]}", "vm.json, line 1, “params[0]”"},
    {"{\"kernel\":\"k\",\"kernel\":\"k\"}", "not JSON"},
    {"{\"kernel\":\"k\",\"restart\":true}", "belongs on the command line"},
    {"{\"kernel\":\"k\",\n\"net\":[]}", "vm.json, line 2, “net”: network cards do"},
    {"{\"kernel\":\"k\",\"manager\":1}", "“manager”"},
    {"{\"kernel\":\"k\\nl\"}", "control character"},
    {"{\"cfg\":[\"vm.json\"]}", "vm.json, line 1, “cfg[0]”: “vm.json” is included by itself"},
    {"{\"kernel\":\"\"}", "empty"},
    {"{\"rwdisk\":\"d\"}", "line 1, “rwdisk”: files have no old spellings; write “block”."},
    {"{\"a\\nb\\u001b[2J\":1}", "“a?b?[2J”: there is no such option"},
    {"{\n\"kernel\":\"k\",\n \"block\" : [ "
     "{\"path\":\"a]\\\"\"},\n{\"path\":\"b\",\n\"x\":1}]}",
     "vm.json, line 5, “block[1].x”"},
    {"{\"cfg\":[\n\"vm.json\"]}", "vm.json, line 2, “cfg[0]”"},
    {"{\"cfg\":[\n\"no.json\"]}", "vm.json, line 2, “cfg[0]”: no.json: gone"},
    {"{\"kernel\":\"k\",\"gpu\":{\"displays\":[{}]}}",
     "“gpu.displays[0].mode”: the value is missing"},
    {"{\"kernel\":\"k\",\"gpu\":{\"displays\":[{\"mode\":{\"windowed\":[1,2,3]}}]}}",
     "“gpu.displays[0].mode”: the value has the wrong form; give windowed[W,H]."},
    {"{\"kernel\":\"k\",\"block\":[{\"path\":\"a\",\"block-size\":512,\"block_size\":512}]}",
     "given twice"},
};

TAP_TEST(bad_files)
{
    struct machine_config config;
    struct config_error error;

    for (size_t i = 0; i < ARRAY_SIZE(bad_texts); i++) {
        struct fake_file files[] = {{"vm.json", bad_texts[i].text}, {NULL, NULL}};
        const int r = parse_with("--cfg vm.json", files, &config, &error);

        if (r >= 0 || !strstr(error.sentence, bad_texts[i].has)) {
            printf("# %s: %d, \"%s\"\n", bad_texts[i].text, r, error.sentence);
        }
        check(r < 0);
        check(strstr(error.sentence, bad_texts[i].has) != NULL);
        check_str(error.id, "bad-config");
    }
}

/* What shows only when everything is together. */
static const struct {
    const char *words;
    const char *has;
} bad_wholes[] = {
    {"--cfg one.json --cfg two.json", "two.json, line 3, “block[1].root”: More than one --block"},
    {"--cfg two.json --cfg one.json", "one.json, line 2, “block[0].root”: More than one --block"},
    {"--cfg one.json --block x,root", "More than one --block has “root”"},
    {"--cfg outer.json", "two.json, line 4, “mem.size”: --mem: 99999 MiB are more"},
    {"--cfg two.json --mem 64 --block y,block-size=1024", "--block y: block size 1024"},
    {"--cfg two.json --mem 64 --serial sink,num=2", "--serial: number 2 is used twice"},
    {"--cfg one.json --cfg serial.json",
     "serial.json, line 2, “serial[1].num”: --serial: number 1"},
    {"--cfg one.json --name a/b", "--name: “a/b” cannot"},
    {"--cfg name.json", "name.json, line 1, “name”: --name: “a/b” cannot"},
};

TAP_TEST(contradictions)
{
    struct fake_file files[] = {
        {"one.json", "{\"kernel\":\"k\",\n\"block\":[{\"path\":\"a\",\"root\":true}]}"},
        {"two.json",
         "{\"kernel\":\"k\",\"block\":[{\"path\":\"b\"},\n{\"path\":\"c\",\n\"root\":true}],\n"
         "\"mem\":{\"size\":99999},\"serial\":[{\"type\":\"sink\",\"num\":2}]}"},
        {"serial.json",
         "{\"serial\":[{\"type\":\"sink\",\"num\":1},\n{\"type\":\"sink\",\"num\":1}]}"},
        {"outer.json", "{\"cfg\":\"two.json\"}"},
        {"name.json", "{\"name\":\"a/b\"}"},
        {NULL, NULL}};
    struct machine_config config;
    struct config_error error;

    for (size_t i = 0; i < ARRAY_SIZE(bad_wholes); i++) {
        const int r = parse_with(bad_wholes[i].words, files, &config, &error);

        if (r >= 0 || strncmp(error.sentence, bad_wholes[i].has, strlen(bad_wholes[i].has)) != 0) {
            printf("# %s: %d, \"%s\"\n", bad_wholes[i].words, r, error.sentence);
        }
        check(r < 0);
        check(strncmp(error.sentence, bad_wholes[i].has, strlen(bad_wholes[i].has)) == 0);
    }
}

TAP_TEST(merging)
{
    struct fake_file files[] = {
        {"vm.json",
         "{\"kernel\":\"k1\",\"params\":\"p3\",\"mem\":{\"size\":64},\"cfg\":[\"base.json\","
         "\"more.json\"],\"block\":[{\"path\":\"c\"}],\"manager\":{\"title\":\"T\"}}"},
        {"base.json", "{\"kernel\":\"k0\",\"block\":[{\"path\":\"a\"}],\"params\":[\"p1\"]}"},
        {"more.json", "{\"kernel\":\"k2\",\"block\":[{\"path\":\"b\"}],\"params\":[\"p2\"],"
                      "\"cpus\":{\"num-cores\":3}}"},
        {NULL, NULL}};
    struct machine_config config;
    struct config_error error;

    check_int(parse_with("--block d --cfg vm.json -p p4", files, &config, &error), 0);
    check_str(config.kernel, "k1");
    check_int(config.mem.size, 64);
    check_int(config.cpus.count, 3);
    check_int(config.n_block, 4);
    for (size_t i = 0; i < 4; i++) {
        const char name[] = {(char)('a' + i), '\0'};
        check_str(config.block[i].path, name);
    }
    check_str(config.params, "p1 p2 p3 p4");
    machine_config_finish(&config);

    check_int(parse_with("--cfg vm.json other", files, &config, &error), 0);
    check_str(config.kernel, "other");
    machine_config_finish(&config);
}

TAP_TEST(print_round_trip)
{
    const struct config_host host = {.ram_mib = 8192};
    struct machine_config config;
    struct machine_config again;
    struct config_error error;

    check_int(parse("k -c 2 --block a,ro,id=x --block b --gpu "
                    "displays=[[windowed[800,600],dpi=[99,98]]] --serial "
                    "file,path=/x,console --serial stdout,hardware=virtio-console,stdin -p a -p b "
                    "--display-window-mouse=false --vhost-user fs,socket=/s --name n -i i --no-rng",
                    &config, &error),
              0);
    cleanup_free char *first = config_print(&config);
    const struct config_source printed = {.name = "printed", .text = first, .size = strlen(first)};
    check_int(config_parse_text(&printed, &host, &again, &error), 0);
    cleanup_free char *second = config_print(&again);
    check_str(second, first);
    check(!again.pointer && again.keyboard && !again.rng);
    check_int(again.n_block, 2);
    check_str(again.block[0].id, "x");
    machine_config_finish(&config);
    machine_config_finish(&again);
}

/* Every row of the table can be said, and is explained. */
TAP_TEST(table)
{
    for (size_t i = 0; i < config_n_options; i++) {
        const struct config_option *option = &config_options[i];

        check(option->name && option->help);
        check(config_option_find(option->name) == option);
        check(option->form == CONFIG_IGNORE || option->n_keys > 0);
        for (size_t j = 0; option->n_keys > 1 && j < option->n_keys; j++) {
            check(option->keys[j].help && option->keys[j].value);
            check(config_key_find(option, option->keys[j].name) == &option->keys[j]);
        }
    }
    for (size_t i = 0; i < config_n_aliases; i++) {
        check(config_option_find(config_aliases[i].option) != NULL);
        check(config_option_find(config_aliases[i].name) == NULL);
    }
}

TAP_MAIN(TAP_CASE(defaults), TAP_CASE(book_examples), TAP_CASE(spellings), TAP_CASE(serial_numbers),
         TAP_CASE(bad_arguments), TAP_CASE(bad_files), TAP_CASE(contradictions), TAP_CASE(merging),
         TAP_CASE(print_round_trip), TAP_CASE(table))

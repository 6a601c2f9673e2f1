/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* Command line fuzzer */

/* Words are parted by line ends. Whatever they are, there is a command line or an error. */

#include <stddef.h>
#include <stdint.h>

#include "qemu-shim/cmdline.h"

#define MAX_WORDS 64

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    g_autofree char *text = g_strndup((const char *)data, size);
    g_auto(GStrv) words = g_strsplit(text, "\n", MAX_WORDS);
    g_autoptr(GError) error = NULL;
    g_autoptr(CommandLine) line = command_line_parse(words, &error);

    g_assert((line == NULL) == (error != NULL));
    return 0;
}

/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* Reference tools */

#include "tests/unit/qcow2/reference.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <glib/gstdio.h>

#include <cmocka.h>

#include "tests/unit/qcow2/memory-image.h"

static char *folder;

int
reference_set_up(void **state)
{
    folder = g_dir_make_tmp("virtblock-qcow2-XXXXXX", NULL);
    return folder != NULL ? 0 : -1;
}

int
reference_tear_down(void **state)
{
    GDir *dir = g_dir_open(folder, 0, NULL);
    const char *name;

    while (dir != NULL && (name = g_dir_read_name(dir)) != NULL) {
        g_autofree char *path = reference_path(name);

        g_unlink(path);
    }
    if (dir != NULL)
        g_dir_close(dir);
    g_rmdir(folder);
    g_clear_pointer(&folder, g_free);
    return 0;
}

gboolean
reference_is_there(void)
{
    g_autofree char *image_tool = g_find_program_in_path("qemu-img");
    g_autofree char *io_tool = g_find_program_in_path("qemu-io");

    if (image_tool != NULL && io_tool != NULL)
        return TRUE;
    print_message("# skipped: qemu-img and qemu-io are not installed\n");
    return FALSE;
}

char *
reference_path(const char *name)
{
    return g_build_filename(folder, name, NULL);
}

int
reference_run(char **ret_output, const char *word, ...)
{
    g_autoptr(GPtrArray) words = g_ptr_array_new();
    g_autoptr(GError) error = NULL;
    g_autofree char *output = NULL;
    g_autofree char *complaint = NULL;
    int status;
    va_list list;

    va_start(list, word);
    for (const char *at = word; at != NULL; at = va_arg(list, const char *))
        g_ptr_array_add(words, (gpointer)at);
    va_end(list);
    g_ptr_array_add(words, NULL);

    if (!g_spawn_sync(folder,
                      (char **)words->pdata,
                      NULL,
                      G_SPAWN_SEARCH_PATH,
                      NULL,
                      NULL,
                      &output,
                      &complaint,
                      &status,
                      &error))
        fail_msg("%s: %s", word, error->message);
    status = g_spawn_check_wait_status(status, &error) ? 0 : error->code;
    if (status != 0 && ret_output == NULL)
        print_message(
            "# %s %s: %s%s\n", word, (const char *)g_ptr_array_index(words, 1), output, complaint);
    if (ret_output != NULL)
        *ret_output = g_steal_pointer(&output);
    return status;
}

void
reference_check_status(int status)
{
    assert_int_equal(status, 0);
}

IoFile *
reference_load(const char *name)
{
    g_autofree char *path = reference_path(name);
    g_autofree char *bytes = NULL;
    gsize length;

    assert_true(g_file_get_contents(path, &bytes, &length, NULL));
    return io_file_new_memory(bytes, length);
}

void
reference_save(const char *name, IoFile *io)
{
    g_autofree char *path = reference_path(name);
    g_autoptr(GBytes) bytes = memory_image_get_bytes(io);
    gsize length;
    const char *data = g_bytes_get_data(bytes, &length);

    assert_true(g_file_set_contents(path, data, (gssize)length, NULL));
}

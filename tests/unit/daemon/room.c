/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* Test room */

#include "room.h"

#include <sys/stat.h>

#include <glib/gstdio.h>

char *
room_new(void)
{
    g_autoptr(GError) error = NULL;
    char *room = g_dir_make_tmp("vb-XXXXXX", &error);

    g_assert_no_error(error);
    return room;
}

static int
compare_strings(gconstpointer a, gconstpointer b)
{
    return g_strcmp0(*(char *const *)a, *(char *const *)b);
}

GStrv
room_list(const char *path)
{
    g_autoptr(GDir) dir = g_dir_open(path, 0, NULL);
    GPtrArray *names = g_ptr_array_new();
    const char *name;

    while (dir != NULL && (name = g_dir_read_name(dir)) != NULL)
        g_ptr_array_add(names, g_strdup(name));

    g_ptr_array_sort(names, compare_strings);
    g_ptr_array_add(names, NULL);
    return (GStrv)g_ptr_array_free(names, FALSE);
}

static void
remove_tree(const char *path)
{
    g_auto(GStrv) names = NULL;

    if (!g_file_test(path, G_FILE_TEST_IS_DIR) || g_file_test(path, G_FILE_TEST_IS_SYMLINK)) {
        g_unlink(path);
        return;
    }

    names = room_list(path);
    for (guint i = 0; names[i] != NULL; i++) {
        g_autofree char *inner = g_build_filename(path, names[i], NULL);

        remove_tree(inner);
    }
    g_rmdir(path);
}

void
room_free(char *room)
{
    remove_tree(room);
    g_free(room);
}

guint
room_mode(const char *path)
{
    struct stat status;

    g_assert_cmpint(lstat(path, &status), ==, 0);
    return status.st_mode & 07777;
}

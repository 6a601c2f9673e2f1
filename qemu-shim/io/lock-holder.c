/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* Lock holders */

#include <sys/stat.h>
#include <sys/sysmacros.h>
#include <unistd.h>

#include "qemu-shim/io/lock.h"
#include "qemu-shim/io/posix-file.h"

/*
 * The kernel does not tell whose an open file description lock is, but lists in fdinfo the locks of
 * each descriptor. Other users' processes hide that from all but root. Only for a message, and
 * nothing here touches a file system that may hang.
 */
static gboolean
has_lock(const char *process, const char *wanted, const char *except_fd)
{
    g_autofree char *folder = g_strdup_printf("/proc/%s/fdinfo", process);
    g_autoptr(GDir) dir = g_dir_open(folder, 0, NULL);
    const char *name;

    while (dir != NULL && (name = g_dir_read_name(dir)) != NULL) {
        g_autofree char *path = g_build_filename(folder, name, NULL);
        g_autofree char *info = NULL;

        if (g_strcmp0(name, except_fd) == 0 || !g_file_get_contents(path, &info, NULL, NULL))
            continue;
        if (g_strrstr(info, wanted) != NULL)
            return TRUE;
    }

    return FALSE;
}

static char *
describe(const char *process)
{
    g_autofree char *path = g_strdup_printf("/proc/%s/comm", process);
    g_autofree char *comm = NULL;
    g_autofree char *printable = NULL;

    if (!g_file_get_contents(path, &comm, NULL, NULL))
        return g_strdup_printf("process %s", process);

    printable = g_strescape(g_strchomp(comm), NULL);
    return g_strdup_printf("process %s (%s)", process, printable);
}

char *
io_lock_find_holder(IoFile *file)
{
    int fd = posix_file_get_fd(file);
    g_autoptr(GDir) dir = g_dir_open("/proc", 0, NULL);
    g_autofree char *own_process = g_strdup_printf("%d", getpid());
    g_autofree char *own_fd = g_strdup_printf("%d", fd);
    g_autofree char *wanted = NULL;
    const char *process;
    struct stat status;

    if (fd < 0 || dir == NULL || fstat(fd, &status) < 0)
        return NULL;
    /* As proc(5) has it, before the first and last byte. */
    wanted = g_strdup_printf(" %02x:%02x:%lu ",
                             major(status.st_dev),
                             minor(status.st_dev),
                             (unsigned long)status.st_ino);

    while ((process = g_dir_read_name(dir)) != NULL) {
        gboolean is_own = g_str_equal(process, own_process);

        if (!g_ascii_isdigit(process[0]) || !has_lock(process, wanted, is_own ? own_fd : NULL))
            continue;
        return is_own ? g_strdup("this process") : describe(process);
    }

    return NULL;
}

/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* Places */

#include "daemon/paths.h"

#include <errno.h>
#include <sys/stat.h>
#include <unistd.h>

#include "api/vblk-error.h"
#include "daemon/files.h"

#define SOCKET_NAME "virtblock-sock"

/* What a socket's path may have in Linux, without its NUL, and what a monitor's name takes. */
#define MAX_SOCKET_LEN       107
#define MAX_MONITOR_NAME_LEN 32

static char *
default_socket(gboolean is_session)
{
    const char *runtime = g_getenv("XDG_RUNTIME_DIR");

    if (!is_session)
        return g_strdup("/run/virtblock/" SOCKET_NAME);

    if (runtime != NULL && g_path_is_absolute(runtime))
        return g_build_filename(runtime, "virtblock", SOCKET_NAME, NULL);

    return g_strdup_printf("/tmp/virtblock-%u/" SOCKET_NAME, (guint)geteuid());
}

static char *
default_state_dir(gboolean is_session)
{
    if (is_session)
        return g_build_filename(g_get_user_state_dir(), "virtblock", NULL);

    return g_strdup("/var/lib/virtblock");
}

/* The shim beside us in a build tree comes first, so that a tree can be tried as is. */
static char *
find_shim(void)
{
    const char *named = g_getenv("VIRTBLOCK_QEMU_SHIM");
    g_autofree char *program = g_file_read_link("/proc/self/exe", NULL);
    g_autofree char *folder = NULL;
    g_autofree char *beside = NULL;

    if (named != NULL)
        return g_canonicalize_filename(named, NULL);

    if (program != NULL) {
        folder = g_path_get_dirname(program);
        beside = g_build_filename(folder, "..", "qemu-shim", "qemu-shim", NULL);
        if (g_file_test(beside, G_FILE_TEST_IS_EXECUTABLE))
            return g_canonicalize_filename(beside, NULL);
    }

    return g_strdup(VIRTBLOCK_BINDIR "/qemu-shim");
}

static gboolean
check_length(const char *path, gsize room, GError **error)
{
    gsize limit = MAX_SOCKET_LEN - room;

    if (strlen(path) <= limit)
        return TRUE;

    g_set_error(
        error,
        VBLK_ERROR,
        VBLK_ERROR_INVALID_ARGUMENT,
        "path '%s' has '%zu' bytes, more than the '%zu' that sockets can have there: choose "
        "a shorter one with --socket",
        path,
        strlen(path),
        limit);
    return FALSE;
}

Paths *
paths_new(gboolean is_session, const char *socket, const char *state_dir, GError **error)
{
    Paths *paths = g_new0(Paths, 1);
    g_autofree char *default_place = default_socket(is_session);
    g_autofree char *default_state = default_state_dir(is_session);

    paths->socket = g_canonicalize_filename(socket != NULL ? socket : default_place, NULL);
    paths->is_default_socket = g_str_equal(paths->socket, default_place);
    paths->runtime_dir = g_strconcat(paths->socket, ".d", NULL);
    paths->state_dir = g_canonicalize_filename(state_dir != NULL ? state_dir : default_state, NULL);
    paths->shim = find_shim();

    if (check_length(paths->socket, 0, error) &&
        check_length(paths->runtime_dir, MAX_MONITOR_NAME_LEN, error))
        return paths;

    paths_free(paths);
    return NULL;
}

void
paths_free(Paths *paths)
{
    if (paths == NULL)
        return;

    g_free(paths->socket);
    g_free(paths->runtime_dir);
    g_free(paths->state_dir);
    g_free(paths->shim);
    g_free(paths);
}

/* @is_private: nobody else may even look. */
static gboolean
make_folder(const char *path, gboolean is_private, GError **error)
{
    struct stat status;
    gboolean is_ours;
    gboolean is_safe;

    if (!files_make_folder(path, error))
        return FALSE;

    if (lstat(path, &status) < 0) {
        files_set_error(error, "look at", path, errno);
        return FALSE;
    }

    is_ours = status.st_uid == geteuid() || (!is_private && status.st_uid == 0);
    is_safe = is_private ? (status.st_mode & 077) == 0
                         : (status.st_mode & 022) == 0 || (status.st_mode & S_ISVTX) != 0;
    if (S_ISDIR(status.st_mode) && is_ours && is_safe)
        return TRUE;

    g_set_error(error,
                VBLK_ERROR,
                VBLK_ERROR_ACCESS_DENIED,
                "'%s' is not a folder %s (mode '%04o', owner '%u'): remove it or choose another",
                path,
                is_private ? "of ours alone" : "that only we can write in",
                status.st_mode & 07777,
                (guint)status.st_uid);
    return FALSE;
}

gboolean
paths_make(const Paths *paths, GError **error)
{
    g_autofree char *folder = g_path_get_dirname(paths->socket);

    return make_folder(folder, paths->is_default_socket, error) &&
           make_folder(paths->runtime_dir, TRUE, error) &&
           make_folder(paths->state_dir, TRUE, error);
}

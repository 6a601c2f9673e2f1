/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* Where we stand */

#include "daemon/place.h"

#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

#include "api/vblk-error.h"

/* The longest name of a monitor's socket below the runtime folder. */
#define SOCKET_NAME_ROOM 32

static char *
find_socket(gboolean is_session)
{
    const char *runtime = g_getenv("XDG_RUNTIME_DIR");

    if (!is_session)
        return g_strdup("/run/virtblock/virtblock-sock");
    if (runtime != NULL && g_path_is_absolute(runtime))
        return g_build_filename(runtime, "virtblock", "virtblock-sock", NULL);
    return g_strdup_printf("/tmp/virtblock-%u/virtblock-sock", (guint)geteuid());
}

static char *
find_state(gboolean is_session)
{
    const char *state = g_getenv("XDG_STATE_HOME");

    if (!is_session)
        return g_strdup("/var/lib/virtblock");
    if (state != NULL && g_path_is_absolute(state))
        return g_build_filename(state, "virtblock", NULL);
    return g_build_filename(g_get_home_dir(), ".local", "state", "virtblock", NULL);
}

/* Named by the environment, beside us in a build tree, or installed. */
static char *
find_shim(void)
{
    const char *named = g_getenv("VIRTBLOCK_QEMU_SHIM");
    g_autofree char *program = g_file_read_link("/proc/self/exe", NULL);
    g_autofree char *folder = program != NULL ? g_path_get_dirname(program) : NULL;
    g_autofree char *beside = NULL;

    if (named != NULL)
        return g_strdup(named);
    if (folder != NULL) {
        beside = g_build_filename(folder, "..", "qemu-shim", "qemu-shim", NULL);
        if (g_file_test(beside, G_FILE_TEST_IS_EXECUTABLE))
            return g_canonicalize_filename(beside, "/");
    }

    return g_strdup(VIRTBLOCK_BINDIR "/qemu-shim");
}

Place *
place_find(gboolean is_session, const char *socket_path, const char *state_dir)
{
    Place *place = g_new0(Place, 1);
    g_autofree char *folder = NULL;

    place->is_session = is_session;
    place->socket_path = socket_path != NULL ? g_canonicalize_filename(socket_path, NULL)
                                             : find_socket(is_session);
    place->state_dir = state_dir != NULL ? g_canonicalize_filename(state_dir, NULL)
                                         : find_state(is_session);
    folder = g_path_get_dirname(place->socket_path);
    place->runtime_dir = g_build_filename(folder, "monitors", NULL);
    place->shim_path = find_shim();
    return place;
}

void
place_free(Place *place)
{
    if (place == NULL)
        return;

    g_free(place->socket_path);
    g_free(place->state_dir);
    g_free(place->runtime_dir);
    g_free(place->shim_path);
    g_free(place);
}

static gboolean
make_folder(const char *path, GError **error)
{
    struct stat status;

    if (g_mkdir_with_parents(path, 0700) < 0 || lstat(path, &status) < 0) {
        g_set_error(error,
                    VBLK_ERROR,
                    VBLK_ERROR_ACCESS_DENIED,
                    "cannot make the folder '%s': %s",
                    path,
                    g_strerror(errno));
        return FALSE;
    }
    if (!S_ISDIR(status.st_mode) || status.st_uid != geteuid()) {
        g_set_error(
            error, VBLK_ERROR, VBLK_ERROR_ACCESS_DENIED, "'%s' is not a folder of ours", path);
        return FALSE;
    }

    return TRUE;
}

gboolean
place_prepare(const Place *place, GError **error)
{
    gsize most = sizeof(((struct sockaddr_un *)NULL)->sun_path) - 1;

    if (strlen(place->runtime_dir) + SOCKET_NAME_ROOM > most) {
        g_set_error(error,
                    VBLK_ERROR,
                    VBLK_ERROR_INVALID_ARGUMENT,
                    "the socket path '%s' is too long: monitors get sockets of up to %zu bytes "
                    "beside it",
                    place->socket_path,
                    most);
        return FALSE;
    }

    return make_folder(place->state_dir, error) && make_folder(place->runtime_dir, error);
}

/* An open file description lock: it goes with the process, however that ends. */
gboolean
place_lock(const Place *place, GError **error)
{
    g_autofree char *path = g_build_filename(place->state_dir, "lock", NULL);
    struct flock lock = {.l_type = F_WRLCK, .l_whence = SEEK_SET, .l_len = 1};
    int fd = open(path, O_RDWR | O_CREAT | O_CLOEXEC | O_NOFOLLOW, 0600);

    if (fd < 0 || fcntl(fd, F_OFD_SETLK, &lock) < 0) {
        g_set_error(error,
                    VBLK_ERROR,
                    VBLK_ERROR_OPERATION_INVALID,
                    fd < 0 ? "cannot open '%s': %s" : "another virtblockd uses '%s' (%s)",
                    fd < 0 ? path : place->state_dir,
                    g_strerror(errno));
        if (fd >= 0)
            close(fd);
        return FALSE;
    }

    return TRUE; /* the descriptor stays open: it is the lock */
}

/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* Connection URI */

#include "api/vblk-address.h"

#include <errno.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

#include "api/vblk-error.h"

#define SESSION_URI   "virtblock:///session"
#define SYSTEM_URI    "virtblock:///system"
#define UNIX_PREFIX   "virtblock+unix://"
#define SYSTEM_SOCKET "/run/virtblock/virtblock-sock"

#define MAX_SOCKET_PATH (sizeof(((struct sockaddr_un *)NULL)->sun_path) - 1)

/*
 * Without XDG_RUNTIME_DIR the session's folder is one in the common temporary folder, where anybody
 * could have put it before us: it is used only if it is ours alone.
 */
static char *
find_session_folder(GError **error)
{
    const char *runtime = g_getenv("XDG_RUNTIME_DIR");
    g_autofree char *folder = NULL;
    struct stat status;

    if (runtime != NULL && g_path_is_absolute(runtime))
        return g_build_filename(runtime, "virtblock", NULL);

    folder = g_strdup_printf("/tmp/virtblock-%u", (guint)geteuid());
    if (lstat(folder, &status) < 0) {
        if (errno == ENOENT)
            return g_steal_pointer(&folder);
        g_set_error(error,
                    VBLK_ERROR,
                    VBLK_ERROR_ACCESS_DENIED,
                    "cannot look at '%s': %s",
                    folder,
                    g_strerror(errno));
        return NULL;
    }

    if (!S_ISDIR(status.st_mode) || status.st_uid != geteuid() || (status.st_mode & 077) != 0) {
        g_set_error(error,
                    VBLK_ERROR,
                    VBLK_ERROR_ACCESS_DENIED,
                    "'%s' is not a folder of yours alone (mode 0700): remove it or set "
                    "XDG_RUNTIME_DIR",
                    folder);
        return NULL;
    }

    return g_steal_pointer(&folder);
}

static char *
find_socket(VblkAddress *address, GError **error)
{
    if (g_str_equal(address->uri, SYSTEM_URI))
        return g_strdup(SYSTEM_SOCKET);

    if (g_str_equal(address->uri, SESSION_URI)) {
        g_autofree char *folder = find_session_folder(error);

        if (folder == NULL)
            return NULL;
        address->is_session = TRUE;
        return g_build_filename(folder, "virtblock-sock", NULL);
    }

    if (g_str_has_prefix(address->uri, UNIX_PREFIX "/")) {
        g_autofree char *path = g_uri_unescape_string(address->uri + strlen(UNIX_PREFIX), NULL);

        if (path != NULL)
            return g_canonicalize_filename(path, "/");
    }

    g_set_error(error,
                VBLK_ERROR,
                VBLK_ERROR_INVALID_ARGUMENT,
                "'%s' is no URI of virtblock: use " SESSION_URI ", " SYSTEM_URI " or " UNIX_PREFIX
                "/PATH",
                address->uri);
    return NULL;
}

VblkAddress *
vblk_address_parse(const char *uri, GError **error)
{
    g_autoptr(VblkAddress) address = g_new0(VblkAddress, 1);

    if (uri == NULL || uri[0] == '\0')
        uri = g_getenv("VIRTBLOCK_URI");
    if (uri == NULL || uri[0] == '\0')
        uri = geteuid() == 0 ? SYSTEM_URI : SESSION_URI;

    address->uri = g_strdup(uri);
    address->socket_path = find_socket(address, error);
    if (address->socket_path == NULL)
        return NULL;

    if (strlen(address->socket_path) > MAX_SOCKET_PATH) {
        g_set_error(error,
                    VBLK_ERROR,
                    VBLK_ERROR_INVALID_ARGUMENT,
                    "socket path '%s' is longer than %zu bytes",
                    address->socket_path,
                    MAX_SOCKET_PATH);
        return NULL;
    }

    return g_steal_pointer(&address);
}

void
vblk_address_free(VblkAddress *address)
{
    if (address == NULL)
        return;

    g_free(address->uri);
    g_free(address->socket_path);
    g_free(address);
}

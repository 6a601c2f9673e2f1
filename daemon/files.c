/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* Durable files */

#include "daemon/files.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <sys/stat.h>
#include <unistd.h>

#include <glib/gstdio.h>

#include "api/vblk-error.h"

#define TEMPORARY_PREFIX ".new-"

void
files_set_error(GError **error, const char *verb, const char *path, int errno_value)
{
    VblkError code = VBLK_ERROR_FAILED;

    if (errno_value == ENOSPC || errno_value == EDQUOT)
        code = VBLK_ERROR_NO_SPACE;
    else if (errno_value == EACCES || errno_value == EPERM || errno_value == EROFS)
        code = VBLK_ERROR_ACCESS_DENIED;

    g_set_error(error, VBLK_ERROR, code, "cannot %s '%s': %s", verb, path, g_strerror(errno_value));
}

/* A name is on the disk only when its folder is. */
static gboolean
sync_folder_of(const char *path, GError **error)
{
    g_autofree char *folder = g_path_get_dirname(path);
    int fd = open(folder, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    int result;
    int saved_errno;

    if (fd < 0) {
        files_set_error(error, "open", folder, errno);
        return FALSE;
    }

    result = fsync(fd);
    saved_errno = errno;
    close(fd);
    if (result < 0)
        files_set_error(error, "write", folder, saved_errno);
    return result == 0;
}

/* 0 or an errno. */
static int
write_all(int fd, const char *content)
{
    size_t left = strlen(content);

    while (left > 0) {
        ssize_t written = write(fd, content, left);

        if (written < 0 && errno != EINTR)
            return errno;
        if (written > 0) {
            content += written;
            left -= (size_t)written;
        }
    }

    return fsync(fd) < 0 ? errno : 0;
}

FileChange *
file_change_stage(const char *root, const char *final, const char *content, GError **error)
{
    g_autofree char *folder = g_path_get_dirname(final);
    g_autofree char *absolute = g_build_filename(root, final, NULL);
    g_autofree char *template = g_build_filename(root, folder, TEMPORARY_PREFIX "XXXXXX", NULL);
    g_autofree char *base = NULL;
    g_autofree char *temporary = NULL;
    int fd;
    int failure;

    fd = g_mkstemp_full(template, O_WRONLY | O_CLOEXEC, 0600);
    if (fd < 0) {
        files_set_error(error, "write", absolute, errno);
        return NULL;
    }

    failure = write_all(fd, content);
    if (close(fd) < 0 && failure == 0)
        failure = errno;
    if (failure != 0) {
        unlink(template);
        files_set_error(error, "write", absolute, failure);
        return NULL;
    }

    base = g_path_get_basename(template);
    temporary = g_build_filename(folder, base, NULL);
    return file_change_new(temporary, final);
}

FileChange *
file_change_new(const char *temporary, const char *final)
{
    FileChange *change = g_new0(FileChange, 1);

    change->temporary = g_strdup(temporary);
    change->final = g_strdup(final);
    return change;
}

void
file_change_free(FileChange *change)
{
    if (change == NULL)
        return;

    g_free(change->temporary);
    g_free(change->final);
    g_free(change);
}

static gboolean
apply_removal(const char *final, GError **error)
{
    if (unlink(final) < 0 && errno != ENOENT) {
        files_set_error(error, "remove", final, errno);
        return FALSE;
    }

    return TRUE;
}

gboolean
file_change_apply(const FileChange *change, const char *root, GError **error)
{
    g_autofree char *final = g_build_filename(root, change->final, NULL);
    g_autofree char *temporary = NULL;
    g_autofree char *folder = g_path_get_dirname(final);

    /* A folder that went with its last document leaves nothing to do. */
    if (!g_file_test(folder, G_FILE_TEST_IS_DIR))
        return TRUE;

    if (change->temporary == NULL)
        return apply_removal(final, error) && sync_folder_of(final, error);

    temporary = g_build_filename(root, change->temporary, NULL);
    if (rename(temporary, final) < 0 && errno != ENOENT) {
        files_set_error(error, "write", final, errno);
        return FALSE;
    }

    return sync_folder_of(final, error);
}

void
file_change_discard(const FileChange *change, const char *root)
{
    g_autofree char *temporary = NULL;

    if (change->temporary == NULL)
        return;

    temporary = g_build_filename(root, change->temporary, NULL);
    if (unlink(temporary) < 0)
        g_debug("cannot remove '%s': %s", temporary, g_strerror(errno));
}

gboolean
files_make_folder(const char *path, GError **error)
{
    if (g_file_test(path, G_FILE_TEST_IS_DIR))
        return TRUE;

    if (g_mkdir_with_parents(path, 0700) < 0) {
        files_set_error(error, "make folder", path, errno);
        return FALSE;
    }

    return sync_folder_of(path, error);
}

void
files_remove_leftovers(const char *folder)
{
    g_autoptr(GDir) dir = g_dir_open(folder, 0, NULL);
    const char *name;

    while (dir != NULL && (name = g_dir_read_name(dir)) != NULL) {
        g_autofree char *path = NULL;

        if (!g_str_has_prefix(name, TEMPORARY_PREFIX))
            continue;

        path = g_build_filename(folder, name, NULL);
        g_info("removing '%s', which was never finished", path);
        if (unlink(path) < 0)
            g_warning("cannot remove '%s': %s, ignoring", path, g_strerror(errno));
    }
}

/* Reads until the end, or one byte more than allowed. */
static char *
read_all(int fd, gsize max_size, gsize *ret_size)
{
    g_autofree char *text = g_malloc(max_size + 2);
    gsize size = 0;

    while (size <= max_size) {
        ssize_t got = read(fd, text + size, max_size + 1 - size);

        if (got == 0)
            break;
        if (got > 0)
            size += (gsize)got;
        else if (errno != EINTR)
            return NULL;
    }

    text[size] = '\0';
    *ret_size = size;
    return g_steal_pointer(&text);
}

char *
files_read(const char *path, gsize max_size, GError **error)
{
    /* Not to hang on a FIFO that somebody put there. */
    int fd = open(path, O_RDONLY | O_CLOEXEC | O_NOFOLLOW | O_NONBLOCK | O_NOCTTY);
    g_autofree char *text = NULL;
    gsize size = 0;
    int saved_errno;

    if (fd < 0) {
        files_set_error(error, "read", path, errno);
        return NULL;
    }

    text = read_all(fd, max_size, &size);
    saved_errno = errno;
    close(fd);
    if (text == NULL) {
        files_set_error(error, "read", path, saved_errno);
        return NULL;
    }

    if (size > max_size || !g_utf8_validate(text, (gssize)size, NULL)) {
        g_set_error(error,
                    VBLK_ERROR,
                    VBLK_ERROR_LIMIT,
                    "'%s' is no text of at most %zu bytes",
                    path,
                    max_size);
        return NULL;
    }

    return g_steal_pointer(&text);
}

static gboolean
is_plain(char byte, gboolean is_first)
{
    return g_ascii_isalnum(byte) || strchr("-_+@=:,", byte) != NULL || (byte == '.' && !is_first);
}

char *
files_escape_name(const char *name)
{
    GString *escaped = g_string_new(NULL);

    for (const char *byte = name; *byte != '\0'; byte++) {
        if (is_plain(*byte, byte == name))
            g_string_append_c(escaped, *byte);
        else
            g_string_append_printf(escaped, "%%%02X", (guint)(guchar)*byte);
    }

    return g_string_free(escaped, FALSE);
}

char *
files_unescape_name(const char *file_name)
{
    g_autofree char *name = g_uri_unescape_string(file_name, NULL);
    g_autofree char *again = NULL;

    if (name == NULL || !g_utf8_validate(name, -1, NULL))
        return NULL;

    again = files_escape_name(name);
    return g_str_equal(again, file_name) ? g_steal_pointer(&name) : NULL;
}

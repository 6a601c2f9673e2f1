/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* Guest devices */

#include "qemu-shim/block/device.h"

#include "api/vblk-error.h"
#include "qemu-shim/block/driver.h"

static void
device_free(BlockDevice *device)
{
    device->root->device_count--;
    block_node_unref(device->root);
    g_free(device->id);
    g_free(device);
}

BlockDevices *
block_devices_new(void)
{
    BlockDevices *devices = g_new0(BlockDevices, 1);

    devices->list = g_ptr_array_new_with_free_func((GDestroyNotify)device_free);
    return devices;
}

void
block_devices_free(BlockDevices *devices)
{
    if (devices == NULL)
        return;

    g_ptr_array_unref(devices->list);
    g_free(devices);
}

gboolean
block_devices_add(BlockDevices *devices, const char *id, BlockNode *root, GError **error)
{
    BlockDevice *device;

    if (block_devices_find(devices, id) != NULL) {
        g_set_error(
            error, VBLK_ERROR, VBLK_ERROR_INVALID_ARGUMENT, "Duplicate ID '%s' for drive", id);
        return FALSE;
    }

    device = g_new0(BlockDevice, 1);
    device->id = g_strdup(id);
    device->root = block_node_ref(root);
    root->device_count++;
    g_ptr_array_add(devices->list, device);
    return TRUE;
}

BlockDevice *
block_devices_find(BlockDevices *devices, const char *id)
{
    for (guint i = 0; i < devices->list->len; i++) {
        BlockDevice *device = g_ptr_array_index(devices->list, i);

        if (g_strcmp0(device->id, id) == 0)
            return device;
    }

    return NULL;
}

BlockDevice *
block_devices_find_by_root(BlockDevices *devices, const BlockNode *root)
{
    for (guint i = 0; i < devices->list->len; i++) {
        BlockDevice *device = g_ptr_array_index(devices->list, i);

        if (device->root == root)
            return device;
    }

    return NULL;
}

BlockNode *
block_devices_find_node(BlockDevices *devices, BlockGraph *graph, const char *name)
{
    BlockDevice *device = block_devices_find(devices, name);

    return device != NULL ? device->root : block_graph_find(graph, name);
}

void
block_devices_move(BlockDevices *devices, BlockNode *from, BlockNode *to)
{
    for (guint i = 0; i < devices->list->len; i++) {
        BlockDevice *device = g_ptr_array_index(devices->list, i);

        if (device->root != from)
            continue;
        to->device_count++;
        device->root = block_node_ref(to);
        from->device_count--;
        block_node_unref(from);
    }
}

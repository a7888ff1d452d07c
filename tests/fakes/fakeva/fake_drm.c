/* Preloaded into ffmpeg: any file passes for a render node, so that libva opens its driver where there is no video card.
   (libdrm would look the device up in /sys.) */

enum { DRM_NODE_RENDER = 2 };

int drmGetNodeTypeFromFd(int fd)
{
    (void)fd;
    return DRM_NODE_RENDER;
}

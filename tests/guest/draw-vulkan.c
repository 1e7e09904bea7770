/* SPDX-License-Identifier: LGPL-2.1-or-later */

/*
 * usage: draw-vulkan frames N     draws N pictures of a triangle and compares every pixel
 *        draw-vulkan memory MIB   takes memory of the device, MIB at most, and gives it back
 *
 * Runs in a guest and uses the first Vulkan device that is a driver's for virtio-gpu. Words: the lines
 * DEVICE, FRAMES, MEMORY on its standard output.
 */

#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <vulkan/vulkan.h>

#include "tests/guest/draw-vulkan-shaders.h"

enum {
    SIZE = 64,
    PIXEL = 4,
    CHUNK_MIB = 32,
    CHUNKS_MAX = 4096,
};

static const VkFormat FORMAT = VK_FORMAT_R8G8B8A8_UNORM;
static const uint64_t PATIENCE_NS = 60 * UINT64_C(1000000000);

struct card {
    VkInstance instance;
    VkPhysicalDevice physical;
    VkDevice device;
    VkQueue queue;
    VkCommandPool pool;
    VkCommandBuffer commands;
    VkFence fence;
};

struct scene {
    VkImage image;
    VkImageView view;
    VkRenderPass pass;
    VkFramebuffer framebuffer;
    VkPipelineLayout layout;
    VkPipeline pipeline;
    VkBuffer buffer;
    const uint8_t *pixels;
};

static void
check(VkResult result, const char *what)
{
    if (result != VK_SUCCESS) {
        printf("FAILED %s: %d\n", what, (int)result);
        exit(1);
    }
}

static void
choose_device(struct card *card)
{
    VkPhysicalDevice devices[8];
    uint32_t n = 8;

    check(vkEnumeratePhysicalDevices(card->instance, &n, devices), "the list of devices");
    for (uint32_t i = 0; i < n; i++) {
        VkPhysicalDeviceProperties properties;

        vkGetPhysicalDeviceProperties(devices[i], &properties);
        if (strstr(properties.deviceName, "Venus")) {
            printf("DEVICE %s\n", properties.deviceName);
            card->physical = devices[i];
            return;
        }
    }
    printf("FAILED no device is venus, of %u\n", n);
    exit(1);
}

static void
card_open(struct card *card)
{
    const VkApplicationInfo application = {.sType = VK_STRUCTURE_TYPE_APPLICATION_INFO,
                                           .apiVersion = VK_API_VERSION_1_1};
    const VkInstanceCreateInfo instance = {.sType = VK_STRUCTURE_TYPE_INSTANCE_CREATE_INFO,
                                           .pApplicationInfo = &application};
    const float priority = 1;
    const VkDeviceQueueCreateInfo queue = {.sType = VK_STRUCTURE_TYPE_DEVICE_QUEUE_CREATE_INFO,
                                           .queueCount = 1,
                                           .pQueuePriorities = &priority};
    const VkDeviceCreateInfo device = {.sType = VK_STRUCTURE_TYPE_DEVICE_CREATE_INFO,
                                       .queueCreateInfoCount = 1,
                                       .pQueueCreateInfos = &queue};
    const VkCommandPoolCreateInfo pool = {.sType = VK_STRUCTURE_TYPE_COMMAND_POOL_CREATE_INFO,
                                          .flags = VK_COMMAND_POOL_CREATE_RESET_COMMAND_BUFFER_BIT};
    const VkFenceCreateInfo fence = {.sType = VK_STRUCTURE_TYPE_FENCE_CREATE_INFO};

    check(vkCreateInstance(&instance, NULL, &card->instance), "an instance");
    choose_device(card);
    check(vkCreateDevice(card->physical, &device, NULL, &card->device), "a device");
    vkGetDeviceQueue(card->device, 0, 0, &card->queue);
    check(vkCreateCommandPool(card->device, &pool, NULL, &card->pool), "a pool of commands");
    const VkCommandBufferAllocateInfo commands = {
        .sType = VK_STRUCTURE_TYPE_COMMAND_BUFFER_ALLOCATE_INFO,
        .commandPool = card->pool,
        .commandBufferCount = 1};
    check(vkAllocateCommandBuffers(card->device, &commands, &card->commands), "a list of commands");
    check(vkCreateFence(card->device, &fence, NULL, &card->fence), "a fence");
}

/* Memory of one of the types in the mask `types` with all of `flags`. */
static VkResult
allocate(const struct card *card, uint64_t size, uint32_t types, VkMemoryPropertyFlags flags,
         VkDeviceMemory *ret_memory)
{
    VkPhysicalDeviceMemoryProperties all;

    vkGetPhysicalDeviceMemoryProperties(card->physical, &all);
    for (uint32_t i = 0; i < all.memoryTypeCount; i++) {
        if ((types & UINT32_C(1) << i) && (all.memoryTypes[i].propertyFlags & flags) == flags) {
            const VkMemoryAllocateInfo info = {.sType = VK_STRUCTURE_TYPE_MEMORY_ALLOCATE_INFO,
                                               .allocationSize = size,
                                               .memoryTypeIndex = i};

            return vkAllocateMemory(card->device, &info, NULL, ret_memory);
        }
    }
    return VK_ERROR_FEATURE_NOT_PRESENT;
}

static void
make_image(const struct card *card, struct scene *scene)
{
    const VkImageCreateInfo info = {.sType = VK_STRUCTURE_TYPE_IMAGE_CREATE_INFO,
                                    .imageType = VK_IMAGE_TYPE_2D,
                                    .format = FORMAT,
                                    .extent = {SIZE, SIZE, 1},
                                    .mipLevels = 1,
                                    .arrayLayers = 1,
                                    .samples = VK_SAMPLE_COUNT_1_BIT,
                                    .tiling = VK_IMAGE_TILING_OPTIMAL,
                                    .usage = VK_IMAGE_USAGE_COLOR_ATTACHMENT_BIT |
                                             VK_IMAGE_USAGE_TRANSFER_SRC_BIT};
    VkMemoryRequirements needs;
    VkDeviceMemory memory;

    check(vkCreateImage(card->device, &info, NULL, &scene->image), "an image");
    vkGetImageMemoryRequirements(card->device, scene->image, &needs);
    check(allocate(card, needs.size, needs.memoryTypeBits, 0, &memory), "memory for an image");
    check(vkBindImageMemory(card->device, scene->image, memory, 0), "an image with its memory");
    const VkImageViewCreateInfo view = {
        .sType = VK_STRUCTURE_TYPE_IMAGE_VIEW_CREATE_INFO,
        .image = scene->image,
        .viewType = VK_IMAGE_VIEW_TYPE_2D,
        .format = FORMAT,
        .subresourceRange = {VK_IMAGE_ASPECT_COLOR_BIT, 0, 1, 0, 1}};
    check(vkCreateImageView(card->device, &view, NULL, &scene->view), "a view");
}

/* What the guest's program reads the pixels from: host memory that is mapped into the guest. */
static void
make_buffer(const struct card *card, struct scene *scene)
{
    const VkBufferCreateInfo info = {.sType = VK_STRUCTURE_TYPE_BUFFER_CREATE_INFO,
                                     .size = SIZE * SIZE * PIXEL,
                                     .usage = VK_BUFFER_USAGE_TRANSFER_DST_BIT};
    VkMemoryRequirements needs;
    VkDeviceMemory memory;
    void *pixels;

    check(vkCreateBuffer(card->device, &info, NULL, &scene->buffer), "a buffer");
    vkGetBufferMemoryRequirements(card->device, scene->buffer, &needs);
    check(allocate(card, needs.size, needs.memoryTypeBits,
                   VK_MEMORY_PROPERTY_HOST_VISIBLE_BIT | VK_MEMORY_PROPERTY_HOST_COHERENT_BIT,
                   &memory),
          "memory for a buffer");
    check(vkBindBufferMemory(card->device, scene->buffer, memory, 0), "a buffer with its memory");
    check(vkMapMemory(card->device, memory, 0, VK_WHOLE_SIZE, 0, &pixels), "mapped memory");
    scene->pixels = pixels;
}

static void
make_pass(const struct card *card, struct scene *scene)
{
    const VkAttachmentDescription attachment = {.format = FORMAT,
                                                .samples = VK_SAMPLE_COUNT_1_BIT,
                                                .loadOp = VK_ATTACHMENT_LOAD_OP_CLEAR,
                                                .storeOp = VK_ATTACHMENT_STORE_OP_STORE,
                                                .stencilLoadOp = VK_ATTACHMENT_LOAD_OP_DONT_CARE,
                                                .stencilStoreOp = VK_ATTACHMENT_STORE_OP_DONT_CARE,
                                                .initialLayout = VK_IMAGE_LAYOUT_UNDEFINED,
                                                .finalLayout =
                                                    VK_IMAGE_LAYOUT_TRANSFER_SRC_OPTIMAL};
    const VkAttachmentReference reference = {.attachment = 0,
                                             .layout = VK_IMAGE_LAYOUT_COLOR_ATTACHMENT_OPTIMAL};
    const VkSubpassDescription subpass = {.pipelineBindPoint = VK_PIPELINE_BIND_POINT_GRAPHICS,
                                          .colorAttachmentCount = 1,
                                          .pColorAttachments = &reference};
    const VkSubpassDependency before_copy = {.srcSubpass = 0,
                                             .dstSubpass = VK_SUBPASS_EXTERNAL,
                                             .srcStageMask =
                                                 VK_PIPELINE_STAGE_COLOR_ATTACHMENT_OUTPUT_BIT,
                                             .dstStageMask = VK_PIPELINE_STAGE_TRANSFER_BIT,
                                             .srcAccessMask = VK_ACCESS_COLOR_ATTACHMENT_WRITE_BIT,
                                             .dstAccessMask = VK_ACCESS_TRANSFER_READ_BIT};
    const VkRenderPassCreateInfo pass = {.sType = VK_STRUCTURE_TYPE_RENDER_PASS_CREATE_INFO,
                                         .attachmentCount = 1,
                                         .pAttachments = &attachment,
                                         .subpassCount = 1,
                                         .pSubpasses = &subpass,
                                         .dependencyCount = 1,
                                         .pDependencies = &before_copy};

    check(vkCreateRenderPass(card->device, &pass, NULL, &scene->pass), "a render pass");
    const VkFramebufferCreateInfo framebuffer = {.sType = VK_STRUCTURE_TYPE_FRAMEBUFFER_CREATE_INFO,
                                                 .renderPass = scene->pass,
                                                 .attachmentCount = 1,
                                                 .pAttachments = &scene->view,
                                                 .width = SIZE,
                                                 .height = SIZE,
                                                 .layers = 1};
    check(vkCreateFramebuffer(card->device, &framebuffer, NULL, &scene->framebuffer),
          "a frame buffer");
}

static VkPipelineShaderStageCreateInfo
make_shader(const struct card *card, VkShaderStageFlagBits stage, const uint32_t *code, size_t size)
{
    const VkShaderModuleCreateInfo info = {
        .sType = VK_STRUCTURE_TYPE_SHADER_MODULE_CREATE_INFO, .codeSize = size, .pCode = code};
    VkPipelineShaderStageCreateInfo shader = {
        .sType = VK_STRUCTURE_TYPE_PIPELINE_SHADER_STAGE_CREATE_INFO,
        .stage = stage,
        .pName = "main"};

    check(vkCreateShaderModule(card->device, &info, NULL, &shader.module), "a shader");
    return shader;
}

static void
make_pipeline(const struct card *card, struct scene *scene)
{
    const VkPushConstantRange blue = {VK_SHADER_STAGE_FRAGMENT_BIT, 0, sizeof(float)};
    const VkPipelineLayoutCreateInfo layout = {.sType =
                                                   VK_STRUCTURE_TYPE_PIPELINE_LAYOUT_CREATE_INFO,
                                               .pushConstantRangeCount = 1,
                                               .pPushConstantRanges = &blue};
    const VkPipelineShaderStageCreateInfo shaders[] = {
        make_shader(card, VK_SHADER_STAGE_VERTEX_BIT, vertex_shader, sizeof(vertex_shader)),
        make_shader(card, VK_SHADER_STAGE_FRAGMENT_BIT, fragment_shader, sizeof(fragment_shader))};
    const VkPipelineVertexInputStateCreateInfo input = {
        .sType = VK_STRUCTURE_TYPE_PIPELINE_VERTEX_INPUT_STATE_CREATE_INFO};
    const VkPipelineInputAssemblyStateCreateInfo assembly = {
        .sType = VK_STRUCTURE_TYPE_PIPELINE_INPUT_ASSEMBLY_STATE_CREATE_INFO,
        .topology = VK_PRIMITIVE_TOPOLOGY_TRIANGLE_LIST};
    const VkViewport area = {0, 0, SIZE, SIZE, 0, 1};
    const VkRect2D scissor = {{0, 0}, {SIZE, SIZE}};
    const VkPipelineViewportStateCreateInfo viewport = {
        .sType = VK_STRUCTURE_TYPE_PIPELINE_VIEWPORT_STATE_CREATE_INFO,
        .viewportCount = 1,
        .pViewports = &area,
        .scissorCount = 1,
        .pScissors = &scissor};
    const VkPipelineRasterizationStateCreateInfo raster = {
        .sType = VK_STRUCTURE_TYPE_PIPELINE_RASTERIZATION_STATE_CREATE_INFO, .lineWidth = 1};
    const VkPipelineMultisampleStateCreateInfo samples = {
        .sType = VK_STRUCTURE_TYPE_PIPELINE_MULTISAMPLE_STATE_CREATE_INFO,
        .rasterizationSamples = VK_SAMPLE_COUNT_1_BIT};
    const VkPipelineColorBlendAttachmentState colours = {.colorWriteMask = 0xf};
    const VkPipelineColorBlendStateCreateInfo blend = {
        .sType = VK_STRUCTURE_TYPE_PIPELINE_COLOR_BLEND_STATE_CREATE_INFO,
        .attachmentCount = 1,
        .pAttachments = &colours};

    check(vkCreatePipelineLayout(card->device, &layout, NULL, &scene->layout), "a layout");
    const VkGraphicsPipelineCreateInfo info = {.sType =
                                                   VK_STRUCTURE_TYPE_GRAPHICS_PIPELINE_CREATE_INFO,
                                               .stageCount = 2,
                                               .pStages = shaders,
                                               .pVertexInputState = &input,
                                               .pInputAssemblyState = &assembly,
                                               .pViewportState = &viewport,
                                               .pRasterizationState = &raster,
                                               .pMultisampleState = &samples,
                                               .pColorBlendState = &blend,
                                               .layout = scene->layout,
                                               .renderPass = scene->pass};
    check(vkCreateGraphicsPipelines(card->device, VK_NULL_HANDLE, 1, &info, NULL, &scene->pipeline),
          "a pipeline");
}

static void
submit(const struct card *card)
{
    const VkSubmitInfo info = {.sType = VK_STRUCTURE_TYPE_SUBMIT_INFO,
                               .commandBufferCount = 1,
                               .pCommandBuffers = &card->commands};

    check(vkEndCommandBuffer(card->commands), "the end of a list of commands");
    check(vkQueueSubmit(card->queue, 1, &info, card->fence), "commands");
    check(vkWaitForFences(card->device, 1, &card->fence, VK_TRUE, PATIENCE_NS), "a fence's end");
    check(vkResetFences(card->device, 1, &card->fence), "a fence once more");
}

static void
begin(const struct card *card)
{
    const VkCommandBufferBeginInfo info = {.sType = VK_STRUCTURE_TYPE_COMMAND_BUFFER_BEGIN_INFO};

    check(vkBeginCommandBuffer(card->commands, &info), "a list of commands");
}

static void
draw(const struct card *card, const struct scene *scene, float blue)
{
    const VkClearValue clear = {.color = {.float32 = {0, 0, 1, 1}}};
    const VkRenderPassBeginInfo pass = {.sType = VK_STRUCTURE_TYPE_RENDER_PASS_BEGIN_INFO,
                                        .renderPass = scene->pass,
                                        .framebuffer = scene->framebuffer,
                                        .renderArea = {{0, 0}, {SIZE, SIZE}},
                                        .clearValueCount = 1,
                                        .pClearValues = &clear};
    const VkBufferImageCopy copy = {.imageSubresource = {VK_IMAGE_ASPECT_COLOR_BIT, 0, 0, 1},
                                    .imageExtent = {SIZE, SIZE, 1}};
    const VkMemoryBarrier to_host = {.sType = VK_STRUCTURE_TYPE_MEMORY_BARRIER,
                                     .srcAccessMask = VK_ACCESS_TRANSFER_WRITE_BIT,
                                     .dstAccessMask = VK_ACCESS_HOST_READ_BIT};

    begin(card);
    vkCmdBeginRenderPass(card->commands, &pass, VK_SUBPASS_CONTENTS_INLINE);
    vkCmdBindPipeline(card->commands, VK_PIPELINE_BIND_POINT_GRAPHICS, scene->pipeline);
    vkCmdPushConstants(card->commands, scene->layout, VK_SHADER_STAGE_FRAGMENT_BIT, 0, sizeof(blue),
                       &blue);
    vkCmdDraw(card->commands, 3, 1, 0, 0);
    vkCmdEndRenderPass(card->commands);
    vkCmdCopyImageToBuffer(card->commands, scene->image, VK_IMAGE_LAYOUT_TRANSFER_SRC_OPTIMAL,
                           scene->buffer, 1, &copy);
    vkCmdPipelineBarrier(card->commands, VK_PIPELINE_STAGE_TRANSFER_BIT, VK_PIPELINE_STAGE_HOST_BIT,
                         0, 1, &to_host, 0, NULL, 0, NULL);
    submit(card);
}

/* The triangle's corners are 0,0 and 63.5,0 and 0,63.5: no pixel's middle lies on an edge. */
static unsigned int
count_wrong(const struct scene *scene, uint8_t blue)
{
    unsigned int wrong = 0;

    for (int y = 0; y < SIZE; y++) {
        for (int x = 0; x < SIZE; x++) {
            const bool inside = 2 * (x + y + 1) < 127;
            const uint8_t wanted[PIXEL] = {inside ? (uint8_t)x : 0, inside ? (uint8_t)y : 0,
                                           inside ? blue : 255, 255};

            wrong += memcmp(&scene->pixels[(y * SIZE + x) * PIXEL], wanted, PIXEL) != 0;
        }
    }
    return wrong;
}

static int
run_frames(const struct card *card, unsigned int frames)
{
    struct scene scene = {0};
    unsigned int wrong = 0;

    make_image(card, &scene);
    make_buffer(card, &scene);
    make_pass(card, &scene);
    make_pipeline(card, &scene);
    for (unsigned int i = 0; i < frames; i++) {
        const uint8_t blue = (uint8_t)(i % 256);

        draw(card, &scene, blue);
        wrong += count_wrong(&scene, blue);
    }
    printf("FRAMES %u, wrong pixels %u\n", frames, wrong);
    return wrong == 0 ? 0 : 1;
}

/* Memory without a use is perhaps none: each chunk is filled by the device. */
static VkResult
fill_chunk(const struct card *card, VkDeviceMemory *ret_memory)
{
    const VkBufferCreateInfo info = {.sType = VK_STRUCTURE_TYPE_BUFFER_CREATE_INFO,
                                     .size = (uint64_t)CHUNK_MIB << 20,
                                     .usage = VK_BUFFER_USAGE_TRANSFER_DST_BIT};
    VkMemoryRequirements needs;
    VkBuffer buffer;

    check(vkCreateBuffer(card->device, &info, NULL, &buffer), "a buffer");
    vkGetBufferMemoryRequirements(card->device, buffer, &needs);
    VkResult result = allocate(card, needs.size, needs.memoryTypeBits, 0, ret_memory);
    if (result == VK_SUCCESS) {
        check(vkBindBufferMemory(card->device, buffer, *ret_memory, 0), "a buffer with its memory");
        begin(card);
        vkCmdFillBuffer(card->commands, buffer, 0, VK_WHOLE_SIZE, 0x5a5a5a5a);
        submit(card);
    }
    vkDestroyBuffer(card->device, buffer, NULL);
    return result;
}

static int
run_memory(const struct card *card, unsigned int mib)
{
    static VkDeviceMemory chunks[CHUNKS_MAX];
    unsigned int n = 0;
    VkResult result = VK_SUCCESS;

    while (result == VK_SUCCESS && n < CHUNKS_MAX && n * CHUNK_MIB < mib) {
        result = fill_chunk(card, &chunks[n]);
        n += result == VK_SUCCESS;
    }
    printf("MEMORY %u MiB, then %d\n", n * CHUNK_MIB, (int)result);
    while (n > 0) {
        vkFreeMemory(card->device, chunks[--n], NULL);
    }
    return 0;
}

int
main(int argc, char **argv)
{
    struct card card = {0};

    setvbuf(stdout, NULL, _IOLBF, 0);
    if (argc != 3) {
        fprintf(stderr, "usage: draw-vulkan frames N | memory MIB\n");
        return 64;
    }
    card_open(&card);
    const unsigned int number = (unsigned int)strtoul(argv[2], NULL, 10);
    return strcmp(argv[1], "memory") == 0 ? run_memory(&card, number) : run_frames(&card, number);
}

"""``GENERATE_BRAND_KIT``: positioning, voice, and a look with accessible colours."""

from herald import Context, task
from herald.worker.tasks.brand_kit.answers import Look, Positioning, Voice
from herald.worker.tasks.brand_kit.palette import accessible_palette
from herald.worker.tasks.brand_kit.payload import BrandKitPayload
from herald.worker.tasks.brand_kit.prompts import look_prompt, positioning_prompt, voice_prompt
from herald.worker.tasks.brand_kit.result import BrandKit, Typography


@task(
    "GENERATE_BRAND_KIT",
    steps=["Defining the positioning", "Shaping the voice", "Designing the look", "Checking the contrast"],
    title="{brand_name}",
)
async def generate_brand_kit(ctx: Context, brief: BrandKitPayload) -> BrandKit:
    """What a brand stands for, how it speaks and how it looks."""
    positioning = await ctx.step("Defining the positioning", define_positioning, ctx, brief)
    voice = await ctx.step("Shaping the voice", shape_voice, ctx, brief, positioning)
    look = await ctx.step("Designing the look", design_look, ctx, brief, positioning, voice)
    palette = await ctx.step("Checking the contrast", accessible_palette, look)
    return BrandKit(
        brand_name=brief.brand_name,
        **dict(positioning),
        voice=voice,
        palette=palette,
        typography=Typography(heading=look.heading, body=look.body),
        logo_directions=look.logo_directions,
    )


async def define_positioning(ctx: Context, brief: BrandKitPayload) -> Positioning:
    """Say what the brand stands for."""
    return await ctx.ask_model(positioning_prompt(brief))


async def shape_voice(ctx: Context, brief: BrandKitPayload, positioning: Positioning) -> Voice:
    """Describe how it speaks."""
    return await ctx.ask_model(voice_prompt(brief, positioning))


async def design_look(ctx: Context, brief: BrandKitPayload, positioning: Positioning, voice: Voice) -> Look:
    """Choose its colours, typefaces and logo."""
    return await ctx.ask_model(look_prompt(brief, positioning, voice))

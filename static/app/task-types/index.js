/** What the page shows in place of the registered forms and results, and in which order it offers these types. */
import { brandKit } from "./brandKit.js";
import { mediaPlan } from "./mediaPlan.js";
import { personas } from "./personas.js";

/** @type {Record<string, import("../registry/taskType.js").Override>} */
export const OVERRIDES = {
  GENERATE_MEDIA_PLAN: mediaPlan,
  GENERATE_BRAND_KIT: brandKit,
  AUTO_GENERATE_PERSONAS: personas,
};

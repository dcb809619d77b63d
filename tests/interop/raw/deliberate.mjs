export const deliberate = [];

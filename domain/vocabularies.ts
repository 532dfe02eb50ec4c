/** Words of GNU Health's selections: the HMIS's and MyGNUHealth's. Those of people and pages are open to others. */
const medicalContexts = [
  ...[
    'health_condition',
    'encounter',
    'procedure',
    'self_monitoring',
    'immunization',
    'prescription',
    'surgery',
  ],
  ...['hospitalization', 'lab', 'dx_imaging', 'genetics', 'family', 'birth', 'death'],
] as const

const socialContexts = [
  ...[
    'social_gradient',
    'stress',
    'early_life_development',
    'social_exclusion',
    'working_conditions',
    'education',
  ],
  ...[
    'physical_environment',
    'unemployment',
    'social_support',
    'addiction',
    'food',
    'transport',
    'transportation',
  ],
  ...['health_services', 'uninsured', 'family_functionality', 'family_violence', 'bullying', 'war', 'misc'],
] as const

const lifestyleContexts = ['physical_activity', 'nutrition', 'sleep', 'social_activities'] as const

export const vocabularies = {
  gender: ['m', 'f', 'nb', 'other', 'nd', 'u'],
  pageType: ['biographical', 'medical', 'demographical', 'social', 'lifestyle', 'other'],
  medicalContext: medicalContexts,
  socialContext: socialContexts,
  anyContext: [...medicalContexts, ...socialContexts, ...lifestyleContexts],
  relevance: ['informational', 'normal', 'important', 'critical'],
  encounterStatus: ['open', 'closed', 'cancelled'],
  lifeEventType: [
    ...['birth', 'death', 'stillbirth', 'marriage', 'divorce', 'adoption', 'migration', 'immunization'],
    ...['notifiable_condition', 'injury', 'hospitalization', 'disability', 'other'],
  ],
  dwelling: ['single_house', 'apartment', 'townhouse', 'factory', 'building', 'mobilehome'],
  materials: ['concrete', 'adobe', 'wood', 'mud', 'stone'],
  roofType: ['concrete', 'adobe', 'wood', 'mud', 'thatch', 'stone'],
  institutionType: [
    ...['doctor_office', 'primary_care', 'clinic', 'hospital', 'specialized', 'nursing_home', 'hospice'],
    'rural',
  ],
  publicLevel: ['private', 'public', 'mixed'],
  traumaLevel: ['one', 'two', 'three', 'four', 'five'],
} as const

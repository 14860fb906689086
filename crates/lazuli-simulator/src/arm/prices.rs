//! The retail price list, which anybody may read without signing in.
//!
//! Its shape is the real one; the prices are made up from the sizes, so that they are plausible and repeatable.

use serde_json::{Value, json};

use super::Call;
use crate::catalog::skus;
use crate::request::Response;

/// Items per page of the real list.
const PAGE: usize = 1000;

/// `GET /api/retail/prices`.
pub(super) fn list(call: &Call<'_>) -> Response {
    let filter = call.request.query("$filter").unwrap_or("");
    let conditions = match conditions(filter) {
        Ok(conditions) => conditions,
        Err(condition) => {
            return Response::json(
                400,
                json!({ "Error": { "Code": "InvalidInput", "Message": format!("The filter condition '{condition}' is not supported.") } }),
            );
        }
    };
    // Values are compared to the letter, as newer versions of the list do.
    let fits = |item: &Value| conditions.iter().all(|(name, value)| item[name.as_str()] == value.as_str());
    let skip: usize = call.request.query("$skip").and_then(|skip| skip.parse().ok()).unwrap_or(0);
    let top: usize = call.request.query("$top").and_then(|top| top.parse().ok()).unwrap_or(PAGE).min(PAGE);
    let found: Vec<Value> = items().filter(fits).collect();
    let page: Vec<&Value> = found.iter().skip(skip).take(top).collect();
    let next = skip + page.len();
    let link = (next < found.len() && !page.is_empty()).then(|| {
        let mut query = url::form_urlencoded::Serializer::new(String::new());
        query.append_pair("$filter", filter).append_pair("$skip", &next.to_string());
        format!("{}/api/retail/prices?{}", call.request.base(), query.finish())
    });
    Response::json(
        200,
        json!({
            "BillingCurrency": "USD", "CustomerEntityId": "Default", "CustomerEntityType": "Retail",
            "Items": page, "NextPageLink": link, "Count": page.len(),
        }),
    )
}

/// The parts of `a eq 'x' and b eq 'y'`, or the part that is none.
fn conditions(filter: &str) -> Result<Vec<(String, String)>, String> {
    let parts = filter.split(" and ").map(str::trim).filter(|part| !part.is_empty());
    parts
        .map(|part| {
            let (name, value) = part.split_once(" eq ").ok_or_else(|| part.to_owned())?;
            // `type` goes by another name in filters.
            let name = if name.trim() == "priceType" { "type" } else { name.trim() };
            Ok((name.to_owned(), value.trim().trim_matches('\'').to_owned()))
        })
        .collect()
}

/// Every size in every region, regular and spot, by the hour.
fn items() -> impl Iterator<Item = Value> {
    skus::REGIONS.iter().enumerate().flat_map(|(place, (region, display))| {
        skus::all().flat_map(move |size| {
            // Five cents a core and half a cent a GiB, a little more the further down the list a region stands.
            let hundredths = (size.cores * 500 + size.memory_gib * 50) * (100 + place as u64) / 100;
            [("", hundredths), (" Spot", hundredths / 5)]
                .into_iter()
                .map(|(kind, hundredths)| item(&size, region, display, kind, hundredths as f64 / 10_000.0))
                .collect::<Vec<_>>()
        })
    })
}

fn item(size: &skus::Size, region: &str, display: &str, kind: &str, price: f64) -> Value {
    let short = size.name.trim_start_matches("Standard_").replace('_', " ");
    json!({
        "currencyCode": "USD", "tierMinimumUnits": 0.0, "retailPrice": price, "unitPrice": price,
        "armRegionName": region, "location": display, "effectiveStartDate": "2026-01-01T00:00:00Z",
        "meterId": crate::random::guid_of(&["meter", region, &size.name, kind]),
        "meterName": format!("{short}{kind}"),
        "productId": "DZH318Z0SIMU", "skuId": format!("DZH318Z0SIMU/{short}{kind}"),
        "productName": format!("Virtual Machines {} Series", size.family.trim_start_matches("standard").trim_end_matches("Family")),
        "skuName": format!("{short}{kind}"), "serviceName": "Virtual Machines", "serviceId": "DZH313Z7MMC8",
        "serviceFamily": "Compute", "unitOfMeasure": "1 Hour", "type": "Consumption",
        "isPrimaryMeterRegion": true, "armSkuName": size.name,
    })
}
